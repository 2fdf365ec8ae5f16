"""Who is a member, who is owed an invitation or an EXIT, and whom to obey. Pure: views and updates in, answers out."""

from __future__ import annotations

from collab.protocol.messages import Exit
from collab.protocol.names import RecordId, SiteName
from collab.record.joins import MemberRow
from collab.record.overlay import neighbours
from collab.record.slots import Answer, BadSlot, SlotKey, parse_key, parse_slot
from collab.record.updates import BadUpdate, read_shape
from collab.record.view import RecordView

_CONTENTS = frozenset({"o", "d", "f"})


def writes_contents(update: bytes, site: SiteName) -> bool:
    """Does the update hold objects or fields written by this site itself? An ro member relays others' but has none.

    Only the first write of a slot names its key; so what passes here has no first write, and nothing to overwrite.
    """
    try:
        keys = [parse_key(key) for key, _ in read_shape(update).entries if key is not None]
    except (BadUpdate, BadSlot):
        return False  # the merge says what is wrong with it
    return any(key.family in _CONTENTS and key.site == site for key in keys)


def may_ask(row: MemberRow | None, inv: str) -> bool:
    """May this site have the document: a member, or somebody invited who shows that invitation?"""
    return row is not None and (row.is_member or (row.state == "invited" and row.inv == inv))


def in_rows(view: RecordView) -> list[MemberRow]:
    """Members and those invited, sorted by site."""
    return [row for _, row in sorted(view.members().items()) if row.state in ("member", "invited")]


def links_of(gid: RecordId, view: RecordView, site: SiteName) -> tuple[SiteName, ...]:
    """The overlay neighbours. Invited sites count as well: so a site that joins 200 others finds its place at once."""
    found = neighbours(gid, [row.site for row in in_rows(view)], site)
    return tuple(SiteName(name) for name in found)


def invitations(view: RecordView) -> list[MemberRow]:
    """Rows that nobody answered yet: the acting owner sends each again until somebody does."""
    return [row for row in in_rows(view) if row.state == "invited"]


def exits_owed(view: RecordView) -> list[MemberRow]:
    """Sites that are out and have not said that they left."""
    return [row for _, row in sorted(view.members().items()) if row.state == "out" and not has_left(view, row)]


def has_left(view: RecordView, row: MemberRow) -> bool:
    """Did the site itself leave this invitation, whatever the owner's word on it is?"""
    answer = view.answer(row.site, row.inv)
    return answer is not None and answer.s == "left"


def obeys(view: RecordView, site: SiteName, message: Exit, sender: SiteName) -> bool:
    """Is this EXIT obeyed? From a stranger never. A destroy always. Else its stamp must weigh at least as much as the
    word on membership that this site has, or this site has left that invitation anyway (M9)."""
    row = view.member(site)
    if view.member(sender) is None:
        return False
    if message.mode == "destroyed" or row is None:
        return True
    return (message.stamp is not None and message.stamp >= row.stamp) or has_left(view, row)


def answers_exit_with_diff(view: RecordView, site: SiteName, sender: SiteName) -> bool:
    """A refused EXIT is answered with this site's state if the sender is a member, or has the larger claim (M8)."""
    claims = view.claims()
    larger = sender in claims and (site not in claims or claims[sender].rank > claims[site].rank)
    return view.is_member(sender) or larger


def proves_membership(update: bytes, row: MemberRow | None) -> bool:
    """Does this update of an invited site make it a member, as can be seen without applying it to a copy?

    It must bring the site's own yes to the present invitation, and nothing about its membership else. So 200 sites
    that join at once are taken in without 200 copies of the document; any other update is staged.
    """
    if row is None or row.state != "invited":
        return False
    try:
        shape = read_shape(update)
        slots = [(parse_key(key), text) for key, text in shape.entries if key is not None]
        answers = [parse_slot(key, text) for key, text in slots if _answers(key, row)]
    except (BadUpdate, BadSlot):
        return False
    judged = any(key.family == "mb" and key.subject == (row.site,) for key, _ in slots)
    yes = len(answers) == 1 and isinstance(answers[0], Answer) and answers[0].s == "accepted"
    return yes and not judged and not shape.deletes and len(slots) == len(shape.entries)


def _answers(key: SlotKey, row: MemberRow) -> bool:
    return key.family == "an" and key.subject == (row.site, row.inv) and key.site == row.site
