"""Write the JSON schemas of the config files from the models that check them: `make schemas`."""

import json
from pathlib import Path

from schash.config import Config
from schash.methods.catalogue import Catalogue

HERE = Path(__file__).parent
MODELS = {"config": Config, "methods": Catalogue}


def schema_text(name: str) -> str:
    """One schema as it stands in its file."""
    return json.dumps(MODELS[name].model_json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    for name in MODELS:
        (HERE / f"{name}.schema.json").write_text(schema_text(name))
