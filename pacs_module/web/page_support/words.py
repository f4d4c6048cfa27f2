"""
Words that templates translate but that do not stand in a template: navigation, states, standings, stages.

``python -m tests.support.catalogues`` collects them, with those of the templates, for the catalogues.
"""

from __future__ import annotations


def _(text: str) -> str:
    return text


NAVIGATION = (
    _("Today"), _("Studies"), _("Filters"), _("Rehearsal"), _("Dead letters"),
    _("Destinations"), _("Quarantine"), _("Parameters"),
    _("Reconciliation"), _("Log"),
    _("Configuration"), _("Audit"), _("Probe"), _("It did not work"), _("auto"), _("light"), _("dark"),
)  # fmt: skip
STATES = (
    _("none"), _("meta_only"), _("pull_data"), _("pull_data_end"), _("unsupported_series"), _("completed"),
    _("pull_failed"), _("dead_letter"), _("unpullable"), _("cancelled"), _("done_by_hand"),
)  # fmt: skip
STANDINGS = (_("handed over"), _("kept back"), _("filtered"), _("never came"), _("set aside"), _("taken"))
STAGES = (
    _("found"), _("stable"), _("pulled"), _("received"), _("delivered"), _("result"), _("in all"), _("find"),
    _("reception"), _("state"), _("pull"), _("hand-over"), _("delivery"), _("note"),
)  # fmt: skip
ORDERS = (_("newest"), _("oldest"), _("changed"), _("accession"), _("patient"))
CIRCUITS = (_("closed"), _("open"), _("half-open"))
MESSAGES = (_("held"), _("owed"), _("queued"), _("accepted"), _("done"), _("dead"), _("lost"))
UPLOADS = (_("queued"), _("uploading"), _("uploaded"), _("verified"), _("dead"), _("dropped"))
HELD = (_("released"), _("expired"), _("releasing"))
RESULTS = (_("posted"), _("folder"), _("rendered"))
SOURCES = (_("environment"), _("file"), _("profile"), _("site file"), _("config.py"), _("default"))
VERDICTS = (_("yes"), _("no"), _("partly"), _("not told"))
PROBED = (
    _("accepted"), _("not accepted"), _("comes"), _("does not come"), _("answers"), _("honoured"),
    _("ignored"),
    _("matches nothing"), _("some are missing"), _("everything comes once"), _("answers C-ECHO"),
    _("no association"), _("association and C-ECHO"), _("association, C-ECHO"),
    _("association, C-ECHO (twice)"), _("no presentation context"), _("no answers"), _("no studies"),
    _("no UIDs"), _("no StudyTimes"), _("nothing odd"), _("ASCII only"), _("Success"), _("nothing"),
    _("one StudyInstanceUID"), _("two StudyInstanceUIDs"), _("one day's studies"), _("the same again"),
    _("STUDY level"), _("SERIES level"), _("IMAGE level"), _("PATIENT level"), _("modalities"),
    _("wildcards"),
    _("date ranges"), _("time ranges"), _("single values"), _("caps"), _("parallel associations"),
    _("with status A700"), _("CT series"), _("ISO 2022 escapes"),
    _("spaces"), _("other characters"), _("empty"), _("one byte a letter"), _("as declared"),
    _("with counts"),
    _("UIDs are clean"), _("comma"), _("slash"), _("semicolon"), _("text"), _("sometimes"), _("absent"),
    _("must equal the whole value: CT does not find CT\\PR"),
)  # fmt: skip
CAUSES = (
    _("computed"), _("computed elsewhere"), _("not wanted"), _("not found"), _("waiting"), _("short"),
    _("pull failed"), _("dead letter"), _("no verdict"), _("not in the PACS"),
)  # fmt: skip
ACTS = (
    _("asked for by a person"),
    _("cancelled by a person"),
    _("marked as done by a person"),
    _("priority"),
)
KINDS = (_("no result yet"),)
NEXT = (
    _("nothing: not wanted; every find looks at it again"),
    _("nothing: the result is in; growth at the PACS or a person starts it again"),
    _("nothing: no usable series; growth at the PACS or a person starts it again"),
    _("nothing: every attempt to pull failed; growth at the PACS or a person starts it again"),
    _("nothing: delivery was given up, its message lies in the dead-letter queue; a person starts it again"),
    _("nothing: a person cancelled it; growth at the PACS or a person starts it again"),
    _("nothing: a person marked it as done; growth at the PACS or a person starts it again"),
    _("nothing: without a StudyInstanceUID it cannot be pulled; to be mended at the PACS"),
    _("the next find counts its instances: pulled when the count has not changed, at the latest then"),
    _("the plugins report the end of the running pull; asked after then"),
    _("the plugins hand over"),
    _("it is copied without names, then published to RabbitMQ"),
    _("a delivery worker takes it from RabbitMQ; looked for there then"),
    _("the backend posts its result"),
)
AT_DESTINATIONS = (
    _("equal"),
    _("lacks images"),
    _("on its way"),
    _("given up"),
    _("dropped"),
    _("no list"),
    _("not asked"),
    _("images sent"),
    _("images there"),
)
"""How a study stands at a destination, in a reconciliation."""
EVENTS = (
    _("wanted"),
    _("not wanted"),
    _("no usable UID"),
    _("UID found another way"),
    _("all series filtered at find"),
    _("grew at the PACS"),
    _("asked for by a person"),
    _("cancelled by a person"),
    _("marked as done by a person"),
    _("other series wanted by a destination"),
    _("wanted after all by its order"),
    _("given up for the fault of the path to its PACS"),
    _("pull asked"),
    _("pull to be repeated"),
    _("pull given up"),
    _("received"),
    _("all series filtered after reception"),
    _("nothing new, result is in"),
    _("nothing new, result is awaited"),
    _("nothing new, still unsupported"),
    _("nothing new, delivery was given up"),
    _("files lost before the result"),
    _("files lost before they were uploaded"),
    _("result completed"),
    _("result unsupported_series"),
    _("result failed"),
    _("delivery given up"),
    _("pull ended"),
    _("images"),
    _("to be pulled"),
    _("stable"),
    _("series stands still"),
    _("backlog"),
    _("order"),
    _("priority"),
    _("corrected at the PACS"),
    _("told in turn"),
    _("gone from the PACS"),
    _("back at the PACS"),
    _("moved under another UID"),
    _("anonymised"),
    _("delivered"),
    _("delivery failed"),
    _("result completed, of an earlier hand-over"),
    _("result unsupported_series, of an earlier hand-over"),
    _("archived"),
    _("routed to destinations"),
    _("other series for a destination"),
    _("uploaded and verified"),
    _("upload failed"),
    _("upload given up"),
    _("upload dropped"),
    _("upload queued again"),
    _("results taken"),
    _("results refused"),
    _("taken over"),
    _("impossible"),
    _("adopted"),
    _("quarantine decided"),
    _("folder released"),
)
CRITERIA = (
    _("thickness"),
    _("instances"),
    _("kernel class"),
    _("latest"),
)
"""By which a series is chosen among others, beside the rules of the same name."""
RULES = (
    _("all"),
    _("body part"),
    _("modality"),
    _("image type"),
    _("slice thickness"),
    _("kernel"),
    _("contrast"),
    _("consecutive images"),
    _("min instances"),
    _("instance nums"),
    _("whole study"),
    _("named"),
    _("missing"),
    _("unreadable"),
    _("find"),
    _("kept back"),
)
REASONS = (
    _("no rule speaks against it"),
    _("a person named this series"),
    _("no image came"),
    _("images came that cannot be read"),
    _("it came after the choice"),
    _("another series was chosen by what the PACS announces"),
    _("the backend has accepted it"),
    _("the backend has not accepted it yet"),
    _("results are late, or too many pulls at once"),
    _("see the log"),
)
