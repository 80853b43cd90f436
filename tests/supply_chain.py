#!/usr/bin/python3
"""What comes in with libraries, judged by deny.toml: sources, banned and doubled libraries, licences.

cargo-deny reads the same file, and more of what may stand there, but has to be compiled first, for two minutes of a processor. What only
tests are built with is not judged: what is shipped is what counts.
"""
import json
import subprocess
import sys
import tomllib
from collections import defaultdict

from license_expression import get_spdx_licensing

REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"
SPDX = get_spdx_licensing()


def packages_of(target, features):
    """What is built: packages by their id, the ids that each depends on, and the id of our own."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target]
    told = subprocess.run([*command, "--features", ",".join(features)], stdout=subprocess.PIPE, check=True)
    metadata = json.loads(told.stdout)
    edges = {
        node["id"]: [edge["pkg"] for edge in node["deps"] if any(kind["kind"] != "dev" for kind in edge["dep_kinds"])]
        for node in metadata["resolve"]["nodes"]
    }
    own = metadata["resolve"]["root"]
    built = reached(edges, [own])
    return {one["id"]: one for one in metadata["packages"] if one["id"] in built}, edges, own


def reached(edges, first):
    """All that these depend on, themselves among them."""
    found, ahead = set(), list(first)
    while ahead:
        one = ahead.pop()
        if one not in found:
            found.add(one)
            ahead += edges[one]
    return found


def is_named(package, spec):
    """Whether `name` or `name@version` means it, where `0.8` means every 0.8.x."""
    name, _, version = spec.partition("@")
    return package["name"] == name and f"{package['version']}.".startswith(f"{version}." if version else "")


def sources(packages, own):
    for id, package in packages.items():
        if id != own and package["source"] != REGISTRY:
            yield f"{package['name']} comes from {package['source']}, and not from the registry"


def bans(rules, packages, edges, own):
    for package in packages.values():
        for rule in rules["deny"]:
            if is_named(package, rule["crate"]):
                yield f"{package['name']} {package['version']} is banned: {rule['reason']}"
    for wanted in packages[own]["dependencies"]:
        if wanted["req"] == "*":
            yield f"{wanted['name']} is wanted in any version: name one"

    roots = [id for id, one in packages.items() if any(is_named(one, rule["crate"]) for rule in rules["skip-tree"])]
    skipped = reached(edges, roots)
    left = [one for id, one in packages.items() if id not in skipped]
    for rule in [*rules["skip"], *rules["skip-tree"]]:
        if not any(is_named(one, rule["crate"]) for one in packages.values()):
            yield f"{rule['crate']} is in nothing that we build: take the exception away"
    versions = defaultdict(set)
    for package in left:
        if not any(is_named(package, rule["crate"]) for rule in rules["skip"]):
            versions[package["name"]].add(package["version"])
    for name, found in versions.items():
        if len(found) > 1:
            yield f"{name} comes in {len(found)} versions, {', '.join(sorted(found))}: a decision, to be noted in [bans]"


def licences(rules, packages, own):
    allowed, needed = set(rules["allow"]), set()
    for id, package in packages.items():
        exceptions = [rule["allow"] for rule in rules["exceptions"] if is_named(package, rule["crate"])]
        granted = allowed.union(*exceptions)
        # The old way to write it, which Cargo still takes.
        written = (package["license"] or "").replace("/", " OR ")
        if not written:
            # It ships the text of a licence alone, which somebody has read.
            if not exceptions:
                yield f"{package['name']} names no licence: read its {package['license_file']}"
        elif not is_granted(SPDX.parse(written), granted, needed):
            yield f"{package['name']} {package['version']} is licensed under {written}, which [licenses] does not allow"
    for licence in sorted(allowed - needed):
        yield f"{licence} is allowed, and the licence of nothing: take it away"


def is_granted(expression, granted, seen):
    """Whether the licences that are granted suffice; notes all that are named."""
    if isinstance(expression, (SPDX.AND, SPDX.OR)):
        parts = [is_granted(part, granted, seen) for part in expression.args]
        return all(parts) if isinstance(expression, SPDX.AND) else any(parts)
    seen.add(str(expression))
    return str(expression) in granted


def main():
    with open("deny.toml", "rb") as file:
        rules = tomllib.load(file)
    packages, edges, own = packages_of(rules["graph"]["targets"][0], rules["graph"]["features"])
    refusals = [
        *sources(packages, own),
        *bans(rules["bans"], packages, edges, own),
        *licences(rules["licenses"], packages, own),
    ]
    print(f"{len(packages)} packages: {len(refusals)} refused", *refusals, sep="\n", file=sys.stderr)
    return 1 if refusals else 0


sys.exit(main())
