"""Who is a member, who is owed an invitation or an EXIT, and whom to obey. Pure: views and updates in, answers out."""

from __future__ import annotations

from collab.protocol.messages import Exit
from collab.protocol.names import RecordId, SiteName
from collab.record.joins import MemberRow
from collab.record.overlay import neighbours
from collab.record.slots import Answer, BadSlot, parse_key, parse_slot
from collab.record.updates import BadUpdate, read_shape
from collab.record.view import RecordView


def may_write(row: MemberRow | None) -> bool:
    """Are this member's updates taken as they come? Others pass through staging."""
    return row is not None and row.is_member and row.role == "rw"


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


def is_acceptance(update: bytes, row: MemberRow | None) -> bool:
    """Is this nothing but an invited site's own yes (or no) to its invitation? Then staging a copy would show just
    that: 200 acceptances are taken without 200 copies of the document."""
    if row is None or row.state != "invited":
        return False
    try:
        shape = read_shape(update)
        keys = [(parse_key(key), text) for key, text in shape.entries if key is not None]
        return (
            len(keys) == len(shape.entries) == 1
            and not shape.deletes
            and all(key.family == "an" and key.subject == (row.site, row.inv) for key, _ in keys)
            and all(key.site == row.site and isinstance(parse_slot(key, text), Answer) for key, text in keys)
        )
    except (BadUpdate, BadSlot):
        return False
