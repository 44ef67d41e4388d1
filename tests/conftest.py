"""What all tests share: garbage is looked for rarely."""

import gc


def pytest_collection_finish() -> None:
    """Modules and collected tests stay to the end: to look through them for cycles again and again costs an eighth.

    Flights are garbage one after the other, and some megabytes each; ten of them may wait.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 5, 2)
