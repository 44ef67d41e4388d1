"""A prediction beside what came out."""

__all__ = ["predicted"]


def predicted(mine: object, measured: object, unit: str = "", tolerance: float = 0.05) -> str:
    """A sentence: what you said, what the run says, and how far off that is.

    A number is right within a share `tolerance` of what was measured, a word if it is the same.
    """
    if isinstance(mine, int | float) and isinstance(measured, int | float):
        unit = f" {unit}" if unit else ""
        off = abs(mine - measured)
        right = "right" if off <= tolerance * abs(measured) else f"{off:,.4g}{unit} off"
        return f"You said {mine:,.4g}{unit}, the run says **{measured:,.4g}{unit}**: {right}."
    return f"You said {mine}, the run says **{measured}**: {'right' if mine == measured else 'not so'}."
