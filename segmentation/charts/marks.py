"""A segment's id and name in, the colour, shape and label it has in every chart out."""

from typing import Final, NamedTuple

from matplotlib.lines import Line2D

from segmentation.charts.numbers import Row, Rows
from segmentation.charts.style import INK, MARGIN, Page, fit


class SegmentMark(NamedTuple):
    """How one segment is drawn in every chart."""

    colour: str
    marker: str


# Chosen by greedy search for the greatest smallest colour difference (CIELAB) seen with normal sight and, by the
# matrices of Machado, Oliveira and Fernandes (2009), with protanopia, deuteranopia and tritanopia: at least 27 among
# the first six, 11 among all twelve. Each has its own shape besides.
SEGMENT_MARKS: Final = (
    SegmentMark("#56B4E9", "o"),
    SegmentMark("#E69F00", "s"),
    SegmentMark("#117733", "^"),
    SegmentMark("#882255", "D"),
    SegmentMark("#332288", "v"),
    SegmentMark("#999999", "P"),
    SegmentMark("#C7A76C", "X"),
    SegmentMark("#5C2A00", "p"),
    SegmentMark("#A6761D", "<"),
    SegmentMark("#AA4499", "*"),
    SegmentMark("#6A3D9A", ">"),
    SegmentMark("#009E73", "h"),
)

_GID: Final = "segment-"


def segment_mark(segment_id: int) -> SegmentMark:
    """The colour and shape of a segment (ids count from 1); past twelve they begin again."""
    return SEGMENT_MARKS[(segment_id - 1) % len(SEGMENT_MARKS)]


def segment_gid(segment_id: int) -> str:
    """The group id of what is drawn of a segment, by which a page can highlight it; several artists may share it."""
    return f"{_GID}{segment_id}"


def segment_of_gid(gid: str) -> int | None:
    """The segment whose `segment_gid` it is, None for any other text."""
    number = gid.removeprefix(_GID)
    return int(number) if number != gid and number.isdecimal() else None


def by_id(profiles: Rows) -> list[Row]:
    return sorted(profiles, key=lambda row: int(row["segment_id"]))


def name_of(profile: Row, width: float) -> str:
    """A segment's name in at most `width` inches of bold text."""
    return fit(profile["segment_name"] or f"Segment {profile['segment_id']}", width, weight="bold")


def write_segment(page: Page, level: float, profile: Row, width: float, weight: str = "normal") -> None:
    """A line of a legend at the page's left: the segment's mark, then its name in at most `width` inches."""
    segment_id = int(profile["segment_id"])
    (colour, marker), gid = segment_mark(segment_id), segment_gid(segment_id)
    across, up = page.figure.get_size_inches()
    x, y = (MARGIN + 0.12) / across, (page.bottom + level) / up
    mark = Line2D([x], [y], marker=marker, ms=10, mfc=colour, mec=INK, mew=0.8, ls="", gid=gid)
    mark.set_transform(page.figure.transFigure)
    page.figure.add_artist(mark)
    page.write(0.35, level, name_of(profile, width), weight=weight, gid=gid)
