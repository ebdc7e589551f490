"""`make sbom`: each image's bill names what its lock installs, and nothing else."""

import re

import pytest

from support.programs import ROOT, program

sbom = program("deploy/sbom.py")


@pytest.fixture(params=sbom.IMAGES)
def image(request):
    return request.param


def test_every_package_of_the_lock_is_in_the_bill_with_its_hashes(image):
    lock = (ROOT / "requirements" / f"{image}.txt").read_text()
    pinned = {line.split("==")[0] for line in re.findall(r"^[a-z0-9].*", lock, re.MULTILINE) if ";" not in line}
    bill = {one["name"]: one for one in sbom.bill_of(image)["components"]}
    assert set(bill) >= pinned
    assert all(one["hashes"] and one["purl"] == f"pkg:pypi/{one['name']}@{one['version']}" for one in bill.values())


def test_what_only_windows_or_an_older_python_gets_is_not_in_an_image():
    names = {one["name"] for one in sbom.bill_of("webhook-gateway")["components"]}
    assert not names & {"colorama", "tzdata", "async-timeout"}


def test_the_same_lock_makes_the_same_bill(image):
    assert sbom.bill_of(image) == sbom.bill_of(image)
