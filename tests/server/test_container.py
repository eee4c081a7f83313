"""The container's files, checked without a container engine.

What the Dockerfile does is done here in a clean virtual environment: install, copy, run.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from server.settings import Settings
from tests.server.running import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def instructions(name: str) -> list[str]:
    joined = DOCKERFILE.replace("\\\n", " ")
    return re.findall(rf"^{name}\s+(.+)$", joined, re.MULTILINE)


def test_the_dockerfile_is_sound() -> None:
    assert "torch" not in DOCKERFILE.replace("without torch", "")
    assert instructions("USER") == ["10001"]
    assert len(instructions("HEALTHCHECK")) == 1
    for image in instructions("FROM"):
        assert re.match(r"[a-z]+:[\d.]+-slim\b", image), "a version, and a small image"
    last_stage = DOCKERFILE[DOCKERFILE.rindex("FROM") :]
    assert last_stage.index("USER") < last_stage.index("ENTRYPOINT")
    assert "pip install --no-cache-dir" in DOCKERFILE


def test_everything_copied_exists_and_is_not_ignored() -> None:
    kept = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    for line in instructions("COPY"):
        if line.startswith("--from"):
            continue
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert f"!{source}\n" in kept, source


def test_the_compose_file_sets_settings_that_exist() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    assert set(services) == {"server", "redis"}
    assert services["server"]["ports"] == ["127.0.0.1:8100:8100"]
    names = [*services["server"]["environment"], *re.findall(r"EMOTION_\w+(?==)", DOCKERFILE)]
    for name in names:
        section, _, setting = name.removeprefix("EMOTION_").lower().partition("__")
        annotation = Settings.model_fields[section].annotation
        assert annotation is not None
        assert setting in annotation.model_fields, name


def test_the_same_steps_in_a_clean_environment(tmp_path: Path) -> None:
    """Copies what the Dockerfile copies, and runs the server with what its extra brings."""
    for source in ("server", "emotion_component", "config"):
        shutil.copytree(ROOT / source, tmp_path / source, ignore=shutil.ignore_patterns("*.pyc"))
    script = (
        "import sys; sys.modules['torch'] = sys.modules['transformers'] = None\n"
        "import server.app\n"
        "from server.settings import load_settings\n"
        "app = server.app.create_app(load_settings())\n"
        "assert app.openapi()['paths']\n"
        "forbidden = ('training', 'selenium', 'pytest', 'scipy', 'sklearn', 'pandas')\n"
        "assert not [name for name in forbidden if name in sys.modules]\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, timeout=60)


def test_linters_find_nothing() -> None:
    programs = Path(sys.executable).parent
    compose = ["--builtin-schema", "vendor.compose-spec", str(ROOT / "compose.yaml")]
    subprocess.run([programs / "hadolint", ROOT / "Dockerfile"], check=True, timeout=60)
    subprocess.run([programs / "check-jsonschema", *compose], check=True, timeout=60)
