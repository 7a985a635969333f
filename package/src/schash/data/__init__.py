"""Where cells come from: the registry of data sets, verified downloads, loaders, and artefacts."""
