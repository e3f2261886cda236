"""Formats replies as tables for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from pb import soundkin_pb2 as pb
from recommender.names import printable

NO_OPINION = "–"
"""Shown where a signal has no opinion."""

_HEADINGS = {
    pb.SIGNAL_AUDIO: "audio",
    pb.SIGNAL_SCENE: "scene",
    pb.SIGNAL_GENRE: "genre",
    pb.SIGNAL_COLLABORATION: "collab.",
}
_MAX_SHARED = 4
"""How many shared things of one kind are named in a line."""


def show(*parts: RenderableType) -> None:
    """Print to stdout, without colour when it is not a terminal."""
    Console(highlight=False).print(Group(*parts))


def similar(reply: pb.SimilarArtistsResponse) -> Iterator[RenderableType]:
    """A ranking of artists with the value of every signal."""
    yield Text(f"Like {_names(reply.seeds)}", style="bold")
    yield from _ranked(reply.artists)
    yield from _missing(reply.not_indexed)
    yield _footer(reply.generation)


def similar_to_audio(reply: pb.SimilarArtistsToAudioResponse) -> Iterator[RenderableType]:
    """A ranking for an act of which only audio is known, and the clips that could not be used."""
    tracks = reply.evidence.tracks
    yield Text(f"Like the music of {tracks} clip{'' if tracks == 1 else 's'}", style="bold")
    yield from _ranked(reply.artists)
    if reply.evidence.low:
        yield Text("Low evidence: one more clip could change the ranking completely.", style="yellow")
    elif reply.evidence.HasField("standard_error"):
        yield Text(f"standard error of its cosines: {reply.evidence.standard_error:.3f}", style="dim")
    for clip in reply.rejected:
        problem = f"{clip.name or clip.place}: {clip.reason}, {clip.detail}"
        yield Text(f"Not used: {printable(problem)}", style="yellow")
    yield _footer(reply.generation)


def rank(reply: pb.RankArtistsResponse) -> Iterator[RenderableType]:
    """A line-up in order, and the reasons why artists of it could not be ranked."""
    yield Text(f"For {_names(reply.seeds)}", style="bold")
    if reply.artists:
        yield _ranking(reply.artists)
        yield Text(f"each signal: value/contribution; {NO_OPINION} no opinion", style="dim")
    yield from _reasons(reply.artists)
    yield from _best_of_groups(reply.groups)
    yield from _missing(reply.not_indexed)
    yield from _read_differently(reply.readings)
    for answer in reply.unresolved:
        yield Text(f"Not ranked: {printable(answer.message)}", style="yellow")
    yield _footer(reply.generation)


def rank_users(reply: pb.BatchRankArtistsResponse) -> Iterator[RenderableType]:
    """A line-up in the order of each user, and the reasons why artists of it could not be ranked."""
    for user in reply.users:
        yield Text(f"For {printable(user.key) or _names(user.seeds)}", style="bold")
        if user.code:
            yield Text(f"Not answered: {printable(user.message)}", style="yellow")
            continue
        table = _table(("#", "right"), ("artist", "left"), ("score", "right"), ("plays", "left"))
        for rank, scored in enumerate(user.artists, start=1):
            score = f"{scored.score:.3f}" if scored.breakdown else NO_OPINION
            _row(table, str(rank), scored.artist.name, score, "; ".join(scored.groups))
        yield table
        yield from _reasons(user.artists)
        yield from _best_of_groups(user.groups)
        for answer in user.unresolved:
            yield Text(f"Not counted: {printable(answer.message)}", style="yellow")
    yield from _read_differently(reply.readings)
    for answer in reply.unresolved:
        yield Text(f"Not ranked: {printable(answer.message)}", style="yellow")
    yield _footer(reply.generation)


def _best_of_groups(groups: Iterable[pb.RankedGroup]) -> Iterator[RenderableType]:
    for group in groups:
        best = ", ".join(f"{place.artist.name} ({place.score:.3f})" for place in group.best)
        yield _indented(f"{printable(group.name)}: ", printable(best) or "nobody that a signal knows")


def _ranked(artists: Sequence[pb.ScoredArtist]) -> Iterator[RenderableType]:
    """The ranking with its legend, and the reasons that were asked for."""
    if artists:
        yield _ranking(artists)
        yield Text(f"each signal: value/contribution; {NO_OPINION} no opinion", style="dim")
    else:
        yield Text("No results: no artist passes the filters, or no signal has an opinion on those that do.")
    yield from _reasons(artists)


def _reasons(artists: Iterable[pb.ScoredArtist]) -> Iterator[RenderableType]:
    for rank, scored in enumerate(artists, start=1):
        if scored.HasField("explanation"):
            yield _indented(f"{rank}. {printable(scored.artist.name)}: ", _why(scored.explanation))


def _ranking(artists: Sequence[pb.ScoredArtist]) -> Table:
    """One line for each artist, with the order key where the ranking is not by score."""
    has_order_key = any(scored.HasField("order_key") for scored in artists)
    headings = ("score", *(["order"] if has_order_key else []), *_HEADINGS.values())
    table = _table(("#", "right"), ("artist", "left"), *((word, "right") for word in headings))
    for rank, scored in enumerate(artists, start=1):
        opinions = [_opinion(line) for line in scored.breakdown] or [NO_OPINION] * len(_HEADINGS)
        score = f"{scored.score:.3f}" if scored.breakdown else NO_OPINION
        key = [f"{scored.order_key:.3f}"] if has_order_key else []
        _row(table, str(rank), scored.artist.name, score, *key, *opinions)
    return table


def _opinion(line: pb.SignalScore) -> str:
    return f"{line.value:.2f}/{line.contribution:.2f}" if line.available else NO_OPINION


def compare(reply: pb.CompareArtistsResponse) -> Iterator[RenderableType]:
    """One pair: a line for each signal, whose contributions sum to the score, then everything the two share."""
    score = f"{reply.score:.3f}" if reply.HasField("score") else "no signal has an opinion"
    yield Text(f"{printable(reply.a.name)} ~ {printable(reply.b.name)}: {score}", style="bold")
    columns = ("raw", "value", "percentile", "weight", "contribution")
    table = _table(("signal", "left"), *((word, "right") for word in columns))
    for line in reply.breakdown:
        measures = (f"{line.raw:.3f}", f"{line.value:.3f}") if line.available else (NO_OPINION, NO_OPINION)
        percentile = f"{line.percentile:.3f}" if line.HasField("percentile") else NO_OPINION
        _row(table, _signal(line.signal), *measures, percentile, f"{line.weight:.2f}", f"{line.contribution:.3f}")
    if reply.base:
        _row(table, "base", *[""] * (len(columns) - 1), f"{reply.base:.3f}")
    yield table
    yield from _evidence([(reply.a, reply.evidence_a), (reply.b, reply.evidence_b)])
    yield _indented("why: ", printable(reply.explanation.sentence) or "nothing on record")
    yield from _shared(reply.explanation)
    yield from _missing(reply.not_indexed)
    yield _footer(reply.generation)


def tracks(reply: pb.SimilarTracksResponse, *, clip: str = "") -> Iterator[RenderableType]:
    """A ranking of tracks. For a seed that is a clip, ``clip`` is its name."""
    yield Text(f"Sounds like {_track(reply.seed) if reply.HasField('seed') else printable(clip)}", style="bold")
    if reply.tracks:
        yield _tracks(reply.tracks, "score")
    elif reply.not_indexed:
        yield Text("It has no embedding yet: run soundkin embed, build and publish.")
    else:
        yield Text("No results: no track passes the filters.")
    yield _footer(reply.generation)


def playlist(reply: pb.MakePlaylistResponse) -> Iterator[RenderableType]:
    """Tracks in the order of playing; each with its similarity to what came before, or to what was asked from."""
    if reply.tracks:
        yield _tracks(reply.tracks, "near")
        length_ms = sum(scored.track.duration_ms for scored in reply.tracks)
        yield Text(f"{len(reply.tracks)} tracks" + (f", {_length(length_ms)}" if length_ms else ""))
    else:
        yield Text("No tracks: none of them has an embedding, or none passes the filters.")
    yield from _missing(reply.artists_not_indexed)
    for track in reply.not_indexed:
        yield Text(f"{_track(track)} has no embedding yet: it is left out.", style="yellow")
    yield _footer(reply.generation)


def _tracks(tracks: Sequence[pb.ScoredTrack], measure: str) -> Table:
    """A line for each track; album and length only where one of them has any."""
    albums = any(scored.track.album for scored in tracks)
    lengths = any(scored.track.duration_ms for scored in tracks)
    headings = [("#", "right"), ("track", "left"), ("artist", "left")]
    headings += [("album", "left")] * albums + [("length", "right")] * lengths
    table = _table(*headings, (measure, "right"))
    for rank, scored in enumerate(tracks, start=1):
        track = scored.track
        more = [track.album] * albums + [_length(track.duration_ms)] * lengths
        _row(table, str(rank), track.title, track.credit or track.artist.name, *more, f"{scored.score:.3f}")
    return table


def _length(milliseconds: int) -> str:
    """
    >>> _length(61_499), _length(3_600_000), _length(0)
    ('1:01', '1:00:00', '–')
    """
    if not milliseconds:
        return NO_OPINION
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def resolve(reply: pb.ResolveArtistsResponse) -> Iterator[RenderableType]:
    """The artists that each reference means, one line for each artist."""
    table = _table(("asked for", "left"), ("is", "left"), ("artist", "left"), ("id", "left"))
    answers = [answer for whole in reply.artists for answer in whole.parts or [whole]]
    for answer in answers:
        how = pb.Resolution.Name(answer.resolution).removeprefix("RESOLUTION_").lower().replace("_", " ")
        how += " (no embedding yet)" if answer.not_indexed else ""
        for artist in answer.candidates or [pb.ArtistSummary()]:
            _row(table, _asked(answer.ref), how, artist.name, artist.id)
    yield table
    yield from _read_differently(reply.artists)
    for answer in answers:
        if answer.suggestions:
            yield Text(printable(answer.message), style="yellow")
    yield _footer(reply.generation)


def _read_differently(answers: Iterable[pb.ResolvedArtist]) -> Iterator[Text]:
    """What an unknown name was read as, for the user to check."""
    for answer in answers:
        names = [answer.read_as] if answer.read_as else [part.ref.name for part in answer.parts]
        if names:
            read_as = ", ".join(f'"{name}"' for name in names)
            yield Text(printable(f'"{answer.ref.name}" is unknown and was read as {read_as}'), style="yellow")


def info(reply: pb.GetIndexInfoResponse) -> Iterator[RenderableType]:
    """The generation, signals and layers of the server."""
    facts = _table(("what", "left"), ("", "left"))
    _row(facts, "artists", f"{reply.artists} ({reply.artists_indexed} with an embedding)")
    _row(facts, "tracks", f"{reply.tracks} ({reply.tracks_indexed} with an embedding)")
    for signal in reply.signals:
        _row(facts, f"signal {_signal(signal.signal)}", f"knows {signal.artists} artists")
    _row(facts, "encoder", f"{reply.encoder}, revision {reply.encoder_revision}, licence {reply.encoder_licence}")
    profiles = [f"{name} (default)" if name == reply.default_weight_profile else name for name in reply.weight_profiles]
    _row(facts, "weight profiles", ", ".join(profiles))
    _row(facts, "nearest artists", _candidates(reply.candidates))
    _row(facts, "built", f"{reply.built_at}, for {reply.profile} use")
    yield facts
    layers = _table(
        (f"layer (of {reply.dim} values)", "left"), ("default weight", "right"), ("scores", "left"), ("hears", "left")
    )
    for layer in reply.layers:
        status = pb.Calibration.Name(layer.calibration).removeprefix("CALIBRATION_").lower()
        scores = "borrowed" if layer.calibration_note.startswith("borrowed") else status
        _row(layers, layer.name, f"{layer.default_weight:.2f}", scores, layer.description)
    yield layers
    yield _footer(reply.generation)


def _candidates(candidates: pb.CandidatesInfo) -> str:
    """
    >>> _candidates(pb.CandidatesInfo(first=200, overlap_at_20=0.998, measured_on=300, weight_profile="evidence"))
    'from candidates under evidence: 0.998 of the first 20 of a full scan, measured on 300 artists'
    >>> _candidates(pb.CandidatesInfo(note="9 artists, under 5000: everyone is compared"))
    '9 artists, under 5000: everyone is compared'
    """
    if not candidates.first:
        return candidates.note or "every artist is compared"
    share = (
        f"{candidates.overlap_at_20:.3f} of the first 20 of a full scan, measured on {candidates.measured_on} artists"
    )
    return f"from candidates under {candidates.weight_profile}: {share}"


def _table(*columns: tuple[str, str]) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1, 0, 0))
    for heading, side in columns:
        table.add_column(
            heading, justify="right" if side == "right" else "left", no_wrap=side == "right", overflow="fold"
        )
    return table


def _row(table: Table, *cells: str) -> None:
    """Add a row of plain text. rich would read ``[…]`` in a str as markup."""
    table.add_row(*(Text(printable(cell)) for cell in cells))


def _why(explanation: pb.Explanation) -> str:
    """
    >>> _why(pb.Explanation(genres=[pb.SharedGenre(genre="dub", weight=1.0)]))
    'genres dub'
    >>> _why(pb.Explanation(listed_together=0.5))
    'listed together (0.50)'
    >>> _why(pb.Explanation(scene_paths=[pb.ScenePath(over=[pb.ArtistSummary(name="A"), pb.ArtistSummary(name="B")])]))
    'reached over A and B'
    """
    kinds = {
        "genres": [shared.genre for shared in explanation.genres],
        "both near": [shared.artist.name for shared in explanation.scene_neighbours],
        "together": _recordings(explanation),
    }
    listed = explanation.listed_together
    parts = [f"listed together ({listed:.2f})"] if listed else []
    parts += [f"reached over {path}" for path in _paths(explanation)[:1] if not listed]
    parts += [f"{kind} {_few(names)}" for kind, names in kinds.items() if names]
    near = explanation.nearest_tracks
    if explanation.HasField("nearest_tracks") and near.cosine > 0:
        parts.append(f"sounds nearest in “{near.a.title}” and “{near.b.title}” ({near.cosine:.2f})")
    return printable("; ".join(parts)) or "nothing on record"


def _shared(explanation: pb.Explanation) -> Iterator[Table]:
    """One line for each kind of shared thing, with all of them and their weights."""
    near = explanation.nearest_tracks
    listed = explanation.listed_together
    parts = {
        "listed together": [f"{listed:.2f}"] if listed else [],
        "reached over": _paths(explanation, "{path} ({strength:.3f})"),
        "genres": [f"{shared.genre} ({shared.weight:.2f})" for shared in explanation.genres],
        "both near": [f"{shared.artist.name} ({shared.strength:.2f})" for shared in explanation.scene_neighbours],
        "together": _recordings(explanation),
        "nearest": [f"“{near.a.title}” and “{near.b.title}” ({near.cosine:.2f})"] if near.HasField("a") else [],
        "above all in": [near.aspect] if near.aspect else [],
    }
    for kind, items in parts.items():
        if items:
            yield _indented(f"{kind}: ", printable(", ".join(items)))


def _recordings(explanation: pb.Explanation) -> list[str]:
    return [f"“{made.title}” ({made.kind})" if made.title else made.kind for made in explanation.recordings]


def _paths(explanation: pb.Explanation, form: str = "{path}") -> list[str]:
    """The paths of the scene between two artists, strongest first: "A and B"."""
    paths = ((" and ".join(artist.name for artist in path.over), path.strength) for path in explanation.scene_paths)
    return [form.format(path=over, strength=strength) for over, strength in paths]


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_SHARED} more" if len(names) > _MAX_SHARED else ""
    return ", ".join(names[:_MAX_SHARED]) + more


def _indented(head: str, text: str) -> Table:
    """Text that wraps under itself, not under ``head``."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(head.rstrip(), style="bold"), Text(text))
    return grid


def _missing(artists: Iterable[pb.ArtistSummary]) -> Iterator[RenderableType]:
    for artist in artists:
        yield Text(f"{printable(artist.name)} has no embedding yet: only the other signals are used.", style="yellow")


def _evidence(pairs: Iterable[tuple[pb.ArtistSummary, pb.Evidence]]) -> Iterator[Text]:
    for artist, evidence in pairs:
        if evidence.low:
            yield Text(f"{printable(artist.name)}: low evidence, {evidence.tracks} track with audio", style="yellow")


def _footer(generation: pb.Generation) -> Text:
    note = "; a newer one could not be used" if generation.degraded else ""
    return Text(f"generation {generation.version}, space {printable(generation.space)}{note}", style="dim")


def _signal(signal: pb.Signal) -> str:
    return pb.Signal.Name(signal).removeprefix("SIGNAL_").lower()


def _names(artists: Iterable[pb.ArtistSummary]) -> str:
    return ", ".join(printable(artist.name) for artist in artists)


def _track(track: pb.TrackSummary) -> str:
    return f"{printable(track.artist.name)} - {printable(track.title)}"


def _asked(ref: pb.ArtistRef) -> str:
    match ref.WhichOneof("ref"):
        case "id":
            return f"id:{ref.id}"
        case "external_id":
            return f"{ref.external_id.namespace}:{ref.external_id.value}"
    return ref.name
