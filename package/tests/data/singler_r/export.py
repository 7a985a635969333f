"""Write the cells of test_singler.py for make.R: FOLDER/<name>/{train,query}.mtx, genes.txt, labels.txt, rows.txt."""

import sys
from pathlib import Path

from scipy.io import mmwrite

sys.path.insert(0, str(Path(__file__).parents[2]))
from test_singler import REAL, real_fold, simulated_fold


def main(folder: Path) -> None:
    for name in ("simulated", *REAL):
        train, query, rows, _ = simulated_fold() if name == "simulated" else real_fold(name)
        target = folder / name
        target.mkdir(parents=True)
        for part, X in (("train", train.X), ("query", query.X)):
            mmwrite(target / f"{part}.mtx", X.T.astype(float), precision=17)
        for file, lines in (("genes", train.genes), ("labels", train.y), ("rows", rows)):
            (target / f"{file}.txt").write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
