"""UUIDv7: form, order, and what happens when the clock stands still or goes back."""

import uuid
from concurrent.futures import ThreadPoolExecutor

from memory.ids import IdMaker, is_uuid, uuid7


def test_an_id_is_a_version_7_uuid_of_its_time() -> None:
    made = uuid.UUID(IdMaker().make(1_700_000_000_123))
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert made.int >> 80 == 1_700_000_000_123
    assert is_uuid(str(made))


def test_ids_increase_within_a_millisecond_and_when_the_clock_goes_back() -> None:
    maker = IdMaker()
    made = [maker.make(1000) for _ in range(10_000)] + [maker.make(900), maker.make(1001), maker.make(5000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert all(uuid.UUID(one).version == 7 for one in made)


def test_threads_never_get_the_same_id() -> None:
    with ThreadPoolExecutor(4, thread_name_prefix="shared-ids") as pool:
        made = list(pool.map(lambda _: [uuid7() for _ in range(500)], range(4)))
    assert all(ids == sorted(ids) for ids in made)
    assert len({one for ids in made for one in ids}) == 2000


def test_only_canonical_uuids_name_a_file() -> None:
    assert not is_uuid("0198C1F2-0000-7000-8000-000000000000")
    assert not is_uuid("0198c1f2-0000-7000-8000-000000000000\n")
