"""What `millrace doctor` says about the embedded Label Studio."""

from infra.label_studio.config import EmbeddedLabelStudioConfig
from infra.label_studio.packages import DOWNLOAD_MB, LabelStudioPackages
from infra.supervisor.doctor import Finding, Verdict
from streams.errors import Misconfigured

SUBJECT = "Label Studio"


def label_studio(config: EmbeddedLabelStudioConfig) -> Finding:
    """Whether its packages are there, or could be got. Ask only where the embedded one is wanted."""
    packages = LabelStudioPackages.locked()
    folder = packages.folder(config.cache_dir)
    if packages.installed(config.cache_dir):
        return Finding(SUBJECT, Verdict.OK, f"installed in {folder}")
    try:
        packages.try_download()
    except Misconfigured as error:
        return Finding(SUBJECT, Verdict.PROBLEM, "not installed", str(error))
    detail = f"not installed; the first start gets it, about {DOWNLOAD_MB} MB, and takes some two minutes"
    return Finding(SUBJECT, Verdict.OK, detail)
