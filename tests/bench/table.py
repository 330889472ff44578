"""Figures beside their anchors and goals, printed as they come."""
import json
import operator
from pathlib import Path

OPERATORS = {">=": operator.ge, "<=": operator.le}


class Table:
    """Rows as they come; a goal reads `anchor/ours >= 15`, `ours/anchor <= 3` or `ours <= 25`."""

    def __init__(self):
        self.rows = []
        print(f"{'':46} {'ours':>9} {'anchor':>9} {'':5} {'ratio':>7}  goal")

    def add(self, name: str, ours: float, anchor: float | None, unit: str, goal: str) -> None:
        figure, sign, bound = goal.split()
        reached = ours
        ratio = None if anchor is None else ours / anchor
        if figure == "anchor/ours":
            reached = ratio = anchor / ours
        elif figure == "ours/anchor":
            reached = ratio
        holds = OPERATORS[sign](reached, float(bound))
        self.rows.append({"name": name, "ours": rounded(ours), "anchor": rounded(anchor), "ratio": rounded(ratio),
                          "goal": goal, "unit": unit, "holds": holds})
        print(f"{name:46} {show(ours)} {show(anchor)} {unit:5} {show(ratio, 7)}  {goal}{'' if holds else '  MISSED'}",
              flush=True)

    def note(self, name: str, ours: float, unit: str) -> None:
        """A figure that nothing is asked of."""
        self.rows.append({"name": name, "ours": rounded(ours), "anchor": None, "ratio": None, "goal": None, "unit": unit,
                          "holds": None})
        print(f"{name:46} {show(ours)} {show(None)} {unit:5}", flush=True)

    def write(self, file: Path) -> None:
        """Writes the rows as JSON, and says how many goals hold."""
        file.write_text(json.dumps(self.rows, indent=2, ensure_ascii=False) + "\n")
        held = [row["holds"] for row in self.rows if row["goal"]]
        print(f"{sum(held)} goals hold, {len(held) - sum(held)} do not; {file}")

    @staticmethod
    def skip(name: str, reason: str) -> None:
        print(f"{name:46} skipped: {reason}", flush=True)


def rounded(figure: float | None) -> float | None:
    return None if figure is None else float(f"{figure:.4g}")


def show(figure: float | None, width: int = 9) -> str:
    return f"{'-' if figure is None else f'{figure:,.0f}' if figure >= 1000 else f'{figure:.3g}':>{width}}"
