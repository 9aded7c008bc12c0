"""Which release a rollback goes to, and why one is refused before anything is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from moorage.base.errors import MoorageError
from moorage.base.registry import Registry
from moorage.config import outputs
from moorage.config.release import FORM
from moorage.engine import releases, rollback
from moorage.engine.pinned_update import targets
from tests.unit.release_samples import image, release, with_service
from tests.unit.session_samples import session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moorage.base.image_reference import ImageReference
    from moorage.config.release import Release
    from tests.unit.config_samples import Monorepo


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """A registry that has every image but those in the set."""
    gone: set[str] = set()

    def manifests(_: Registry, reference: ImageReference) -> list[Any]:
        if str(reference) in gone:
            raise MoorageError.of("the registry does not have the image", where=str(reference), why="404")
        if "silent" in gone:
            raise MoorageError.of("the registry does not answer", where=str(reference), why="refused")
        return []

    monkeypatch.setattr(Registry, "manifests", manifests)
    return gone


def three(monorepo: Monorepo) -> list[Release]:
    project = monorepo.load()
    return [release(project, number, backend=letter) for number, letter in ((1, "a"), (2, "b"), (3, "c"))]


def plan(
    monorepo: Monorepo, recorded: Sequence[Release], number: int | None = None, *names: str, unfinished: bool = False
) -> rollback.Plan:
    return rollback.plan(session(monorepo.root), recorded, number=number, names=names, unfinished=unfinished)


def refused(monorepo: Monorepo, recorded: Sequence[Release], number: int | None = None, *names: str) -> str:
    with pytest.raises(MoorageError) as caught:
        plan(monorepo, recorded, number, *names)
    assert all(problem.remedy for problem in caught.value.problems)
    return str(caught.value)


def test_without_a_number_it_goes_to_the_release_before(monorepo: Monorepo) -> None:
    found = plan(monorepo, three(monorepo))
    assert found.to.number == 2
    assert found.pinned.images["backend"] == image("backend", "b")
    assert found.pinned.cause == "rollback to 2"


def test_a_second_rollback_goes_one_further_and_not_forth_again(monorepo: Monorepo) -> None:
    recorded = three(monorepo)
    again = recorded[1].model_copy(update={"number": 4, "cause": "rollback to 2"})
    assert plan(monorepo, [*recorded, again]).to.number == 1


def test_after_an_update_that_failed_it_goes_to_the_last_release(monorepo: Monorepo) -> None:
    assert plan(monorepo, three(monorepo), unfinished=True).to.number == 3


def test_data_stores_keep_their_images_and_settings(monorepo: Monorepo) -> None:
    old, now = three(monorepo)[:2]
    settings = {**now.settings, "postgres": {**now.settings["postgres"], "storage": "9Gi"}}
    now = now.model_copy(update={"settings": settings, "stores": {"postgres": image("postgres", "z")}})
    found = plan(monorepo, [old, now], 1).pinned
    assert found.settings["postgres"]["storage"] == "9Gi"
    assert found.stores == {"postgres": image("postgres", "z")}


def test_a_release_whose_image_is_gone_is_refused_with_the_commit_that_builds_it(
    monorepo: Monorepo, registry: set[str]
) -> None:
    recorded = three(monorepo)
    recorded[0] = recorded[0].model_copy(update={"commit": "0123456789abcdef"})
    registry.add(image("backend", "a"))
    told = refused(monorepo, recorded, 1)
    assert "the image of backend in release 1 is no longer in the registry" in told
    assert "check out commit 0123456789ab" in told
    assert plan(monorepo, recorded, 1, "worker").names == ("worker",), "of no concern to other services"


def test_a_registry_that_does_not_answer_is_told_and_stops_nothing(monorepo: Monorepo, registry: set[str]) -> None:
    registry.add("silent")
    assert any("does not answer" in warning for warning in plan(monorepo, three(monorepo)).unproven)


def test_a_database_of_another_major_version_is_refused(monorepo: Monorepo) -> None:
    old, now = (one.model_copy(update={"database": major}) for one, major in zip(three(monorepo), "67", strict=False))
    assert "ran on PostgreSQL 6, and the data is PostgreSQL 7's now" in refused(monorepo, [old, now], 1)


@pytest.mark.parametrize(
    ("told", "possible"),
    [({"command": ["migrate"]}, False), ({"command": ["migrate"], "reversible": True}, True), (None, True)],
)
def test_a_migration_in_between_is_refused_unless_it_says_otherwise(
    monorepo: Monorepo, told: dict[str, Any] | None, *, possible: bool
) -> None:
    recorded = three(monorepo)
    for index in (1, 2):
        recorded[index] = with_service(recorded[index], "backend", release=told)
    if possible:
        recorded[:] = [one.model_copy(update={"services": {**recorded[0].services}}) for one in recorded]
        assert plan(monorepo, recorded, 1).to.number == 1
    else:
        said = refused(monorepo, recorded, 1)
        assert "release 2 migrated the data of backend" in said
        assert "reversible: true" in said


def test_a_migration_of_the_release_itself_and_of_other_services_does_not_stand_in_the_way(monorepo: Monorepo) -> None:
    recorded = three(monorepo)
    recorded[0] = with_service(recorded[0], "backend", release={"command": ["migrate"]})
    recorded = [recorded[0], *(with_service(one, "worker", release=None) for one in recorded[1:])]
    assert not list(rollback._moved_on(recorded, recorded[-1], recorded[0], {"backend": True}))


def test_a_release_of_a_newer_form_is_refused(monorepo: Monorepo) -> None:
    recorded = three(monorepo)
    recorded[0] = recorded[0].model_copy(update={"form": FORM + 1})
    assert "a newer Moorage recorded this release" in refused(monorepo, recorded, 1)


def test_a_setting_that_is_unknown_here_is_refused(monorepo: Monorepo) -> None:
    recorded = three(monorepo)
    recorded[0] = with_service(recorded[0], "backend", sails=3)
    assert "service backend was recorded with sails" in refused(monorepo, recorded, 1)


def test_a_secret_that_the_stack_no_longer_has_is_named_with_the_command_that_sets_it(monorepo: Monorepo) -> None:
    recorded = three(monorepo)
    recorded[0] = with_service(recorded[0], "backend", secrets={"KEY": "signingKey"})
    told = refused(monorepo, recorded, 1)
    assert "reads the secret signingKey" in told
    assert "pulumi config set --secret moorage:signingKey --stack dev" in told


@pytest.mark.parametrize(
    ("number", "names", "said"),
    [
        (9, (), "there is no release 9"),
        (1, ("bakend",), "has a service bakend"),
    ],
)
def test_what_is_not_there_is_said(monorepo: Monorepo, number: int, names: tuple[str, ...], said: str) -> None:
    assert said in refused(monorepo, three(monorepo), number, *names)


def test_a_stack_without_releases_or_with_one_cannot_go_back(monorepo: Monorepo) -> None:
    assert "there is no release to go back to" in refused(monorepo, [])
    assert "there is no release before release 1" in refused(monorepo, three(monorepo)[:1])


def test_only_what_belongs_to_the_named_services_is_touched() -> None:
    found = targets(["backend"])
    assert f"**{outputs.SERVICE}$**::backend-deployment" in found
    assert not any("Image" in one or "postgres" in one for one in found)
    assert not any(one.endswith("backend-*") for one in found), "backend-admin is another service"


def test_changes_name_image_and_setting_with_both_values(monorepo: Monorepo) -> None:
    old, now = three(monorepo)[:2]
    now = with_service(now, "worker", replicas=4)
    found = {(one.part, one.name): (one.before, one.after) for one in releases.changes(old, now)}
    assert found == {("backend", "image"): ("a" * 12, "b" * 12), ("worker", "replicas"): ("1", "4")}


def test_changes_name_what_came_and_went(monorepo: Monorepo) -> None:
    old = three(monorepo)[0]
    alone = old.model_copy(update={"services": {"worker": old.services["worker"]}})
    assert [str(one) for one in releases.changes(alone, old)] == ["backend (absent) → runs"]
    assert [str(one) for one in releases.changes(old, alone)] == ["backend runs → (absent)"]
