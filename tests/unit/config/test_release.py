"""A release holds what it takes to run it again, and leaves no trace where nothing changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from moorage.config.pinned import mixed, pinned_project
from moorage.config.release import KEPT, NewerFormError, Release, appended, database_major, pack, unpack
from tests.unit.release_samples import image, release, with_service

if TYPE_CHECKING:
    from tests.unit.config_samples import Monorepo


def test_a_release_gives_the_same_services_and_settings_that_it_was_made_from(monorepo: Monorepo) -> None:
    project = monorepo.load()
    (kept,) = unpack(pack([release(project, 1)]))
    again = pinned_project(monorepo.root, "dev", kept)
    assert again.services == project.services
    assert again.settings == project.settings
    assert (again.running, again.stores) == (project.running, project.stores)
    assert (again.namespace, again.stage, again.target) == (project.namespace, project.stage, project.target)


def test_what_a_release_holds_does_not_depend_on_the_sources_any_more(monorepo: Monorepo) -> None:
    kept = release(monorepo.load(), 1)
    monorepo.write("apps/backend/service.yaml", "kind: broken\n")
    assert pinned_project(monorepo.root, "dev", kept).services["backend"].port == 8000


def test_an_update_that_changed_nothing_is_no_release(monorepo: Monorepo) -> None:
    first = release(monorepo.load(), 1)
    later = first.model_copy(update={"number": 0, "time": "2027-01-01T00:00:00+00:00", "by": "ben", "seconds": 9.0})
    assert appended([first], later) == (first,)


@pytest.mark.parametrize("what", ["images", "stores", "services", "settings", "restarts"])
def test_every_part_of_what_runs_makes_another_release(monorepo: Monorepo, what: str) -> None:
    first = release(monorepo.load(), 7)
    other = first.model_copy(update={what: {**getattr(first, what), "added": {} if what == "services" else "x"}})
    assert [one.number for one in appended([first], other)] == [7, 8]


def test_the_oldest_releases_make_room_and_numbers_go_on(monorepo: Monorepo) -> None:
    found: tuple[Release, ...] = ()
    project = monorepo.load()
    for number in range(KEPT + 3):
        found = unpack(pack(appended(found, release(project, 0, backend="abcdef"[number % 6]))))
    assert (found[0].number, found[-1].number, len(found)) == (4, KEPT + 3, KEPT)


def test_many_releases_take_little_room_in_the_state(monorepo: Monorepo) -> None:
    one = release(monorepo.load(), 1)
    assert len(pack([one] * KEPT)) < 2 * len(pack([one]))


def test_releases_of_a_newer_form_are_told_apart_from_none(monorepo: Monorepo) -> None:
    text = pack([release(monorepo.load(), 1)])
    assert unpack("") == ()
    with pytest.raises(NewerFormError, match="form 2"):
        unpack(text.replace("1:", "2:", 1))


def test_a_setting_that_only_a_newer_version_knows_is_named(monorepo: Monorepo) -> None:
    newer = with_service(release(monorepo.load(), 1), "worker", sails=3)
    with pytest.raises(NewerFormError, match="sails"):
        newer.model_of("worker")
    assert newer.model_of("backend").name == "backend"


def test_one_service_goes_back_and_the_others_stay(monorepo: Monorepo) -> None:
    project = monorepo.load()
    old, now = release(project, 1), release(project, 2, backend="b", worker="b")
    back = mixed(now, old, {"worker": True}, cause="rollback to 1 of worker")
    assert back.images == {"backend": image("backend", "b"), "worker": image("worker", "a")}
    assert (back.number, back.cause) == (0, "rollback to 1 of worker")


def test_the_stack_s_settings_go_back_only_with_all_of_its_services(monorepo: Monorepo) -> None:
    project = monorepo.load()
    old = release(project, 1)
    now = old.model_copy(update={"settings": {**old.settings, "application": "other"}})
    assert mixed(now, old, {"worker": True}, cause="").settings["application"] == "other"
    assert mixed(now, old, {"worker": True, "backend": True}, cause="").settings["application"] == "harbour"


def test_a_service_that_was_not_there_is_left_out_and_one_that_is_gone_comes_back_in_order(monorepo: Monorepo) -> None:
    project = monorepo.load()
    both = release(project, 1)
    alone = mixed(both, both, {"backend": False}, cause="")
    assert list(alone.services) == ["worker"]
    assert alone.images.keys() == {"worker"}
    assert list(mixed(alone, both, {"backend": True}, cause="").services) == ["backend", "worker"], "needs come first"


def test_no_secret_is_recorded(monorepo: Monorepo) -> None:
    monorepo.add("apps/backend/service.yaml", "secrets:\n  SIGNING_KEY: signingKey\n")
    monorepo.add("Pulumi.dev.yaml", "  moorage:signingKey: {secure: v1:canary}\n")
    text = json.dumps(release(monorepo.load(), 1).model_dump(mode="json"))
    assert "signingKey" in text
    assert "canary" not in text


@pytest.mark.parametrize(
    ("dockerfile", "major"),
    [
        ("RUN extract-packages /rootfs libpq5 postgresql-16 tzdata\n", "16"),
        ("FROM registry.example/postgres\n", ""),
    ],
)
def test_the_database_s_major_version_is_read_where_it_is_installed(
    monorepo: Monorepo, dockerfile: str, major: str
) -> None:
    monorepo.write("images/postgres/image.yaml", "build: {}\n")
    monorepo.write("images/postgres/Dockerfile", dockerfile)
    assert database_major(monorepo.load()) == major


def test_the_base_image_that_comes_with_moorage_tells_its_version(monorepo: Monorepo) -> None:
    assert database_major(monorepo.load()).isdecimal()
