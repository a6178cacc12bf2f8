"""`python -m infra.audit`: ask which locked packages have known vulnerabilities.

Exit statuses: 0 none has, 1 some have, 3 not known, since the advisories could not be asked about every package.
pip-audit itself says "none" when the service knows none of the packages, and fails alike for a vulnerability and for
a service that is away.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.txt", "requirements-dev.txt")
PIP_AUDIT = "pip-audit==2.10.1"  # run by uv in a place of its own: thirty packages that nothing else needs


def main(*options):
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        run = subprocess.run(command(report, options), cwd=ROOT, capture_output=True, text=True)
        if not report.exists():
            last = (run.stderr.strip().splitlines() or ["no reason given"])[-1]
            return unknown(f"pip-audit could not ask for advisories: {last}")
        return verdict(json.loads(report.read_text())["dependencies"])


def command(report, options):
    locks = [word for lock in LOCKS for word in ("--requirement", lock)]
    tool = [ROOT / ".uv/bin/uv", "tool", "run", "--quiet", "--python", sys.executable, PIP_AUDIT]
    return [*tool, *locks, "--require-hashes", "--disable-pip", "--progress-spinner", "off",
            "--format", "json", "--output", report, *options]  # fmt: skip


def verdict(packages):
    vulnerable = [package for package in packages if package.get("vulns")]
    skipped = [package for package in packages if "skip_reason" in package]
    for package in vulnerable:
        for flaw in package["vulns"]:
            fixed = ", ".join(flaw["fix_versions"]) or "no version yet"
            print(f"{package['name']} {package['version']}: {flaw['id']}, fixed in {fixed}")
    if vulnerable:
        return 1
    if skipped or not packages:
        names = ", ".join(package["name"] for package in skipped[:5])
        return unknown(f"no advisories for {len(skipped)} of {len(packages)} packages ({names}, …)")
    print(f"{len(packages)} packages, none with a known vulnerability")
    return 0


def unknown(reason):
    print(f"The audit was NOT done, so nothing is known.\n{reason}", file=sys.stderr)
    return 3


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
