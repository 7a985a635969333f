# Config, registry and methods, checked while Snakemake parses; names that every rule file uses.
import re
import sys
from pathlib import Path
from typing import get_args

from snakemake.exceptions import WorkflowError

try:
    import schash.config
    from schash.config import KINDS, Scheme
    from schash.data.options import loader_module
    from schash.data.registry import load_registry
    from schash.digests import code_digest
    from schash.errors import SchashError
    from schash.plan import Plan, Run, failed_attempts
    from schash.regression.headlines import FOLLOWED_EXPERIMENTS
    from schash.resources import files_mb, limited_mb, memory_mb, minutes, minutes_within, n_folds_of
    from schash.resources import raw_mb, run_mb_of, run_minutes_of
    from schash.splits import PUBLISHED_SCHEME, SCHEMES, base_scheme
    from schash.methods.catalogue import load_catalogue
except ModuleNotFoundError as error:
    message = f"{error}. Install the package into the environment that runs Snakemake: pip install -e package[workflow]"
    raise WorkflowError(message) from None

HOME = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).resolve().parents[1]
SCRIPTS = HOME / "scripts"

try:
    CONFIG = schash.config.resolve(
        config, default_path=HOME / "config/config.yaml", suites=HOME / "config/suites"
    )
    REGISTRY = load_registry(HOME / "config/datasets.yaml", overlay={"datasets": CONFIG.datasets})
    METHODS = load_catalogue(HOME / "config/methods.yaml", overlay=CONFIG.methods)
    PLAN = Plan(CONFIG, REGISTRY, METHODS)
except SchashError as error:
    raise WorkflowError(str(error)) from None

config.update(CONFIG.model_dump())  # scripts see the resolved config, not only what was given
ROOT = CONFIG.root
EXPECTED = local(str(HOME / "config/expected.tsv"))  # of the checkout, even where results lie in a store
TITLES = {name: row.title for name, row in METHODS.methods.items()}


def flagged(flag):
    """Methods whose row has a flag, in the order of methods.yaml."""
    return [name for name, row in METHODS.methods.items() if getattr(row, flag)]


CONTROLS = flagged("control")
RUN = f"{ROOT}/runs/{{dataset}}/{{scheme}}/{{method}}"


wildcard_constraints:
    source=r"[\w.-]+",
    dataset=r"[\w.-]+",
    scheme="|".join(get_args(Scheme)),
    method=r"\w+",
    experiment=r"\w+",


def is_dry_run(arguments):
    return any(re.fullmatch(r"-n\w*|--dry-?run", argument) for argument in arguments)


if is_dry_run(sys.argv):  # then onstart is not called
    print(PLAN.overview(), flush=True)


onstart:
    print(PLAN.overview(), flush=True)
