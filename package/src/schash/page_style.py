"""Style sheet of the page `paper and ours`: no outside fonts, no script; it hides rows by the boxes at its head."""

from schash.expected import TARGETS

_LOOK = """
:root { --agrees: #0072b2; --differs: #c04a00; --grey: #5f6368; --line: #dddddd; }
* { box-sizing: border-box; }
body { font: 14px/1.4 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: #1d1d1f; background: white;
  margin: 0 auto; padding: 1.2rem 1.5rem 4rem; max-width: 1400px; }
h1 { margin: 0; font-size: 1.7rem; }
h2 { margin: 2.2rem 0 .4rem; font-size: 1.25rem; }
p { max-width: 62rem; }
.run { margin: .1rem 0 1rem; color: var(--grey); }
.counts { display: flex; flex-wrap: wrap; gap: .7rem; }
.count { border: 1px solid var(--line); border-top: 5px solid; border-radius: 6px; padding: .4rem .9rem .6rem;
  min-width: 9.5rem; }
.count.agrees, .count.agrees-si { border-top-color: var(--agrees); }
.count.differs, .count.differs-si { border-top-color: var(--differs); }
.count.agrees-si, .count.differs-si { border-top-style: dotted; }
.count.not-run { border-top-color: #9a9a9a; }
.count b { display: block; font-size: 1.9rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.badge { display: inline-flex; align-items: baseline; gap: .35em; padding: 0 .55em; border: 1.5px solid;
  border-radius: 1em; font-size: .86em; font-weight: 600; white-space: nowrap; }
.badge i { font-style: normal; }
.badge.agrees { background: var(--agrees); border-color: var(--agrees); color: white; }
.badge.differs { background: var(--differs); border-color: var(--differs); color: white; }
.badge.agrees-si { color: var(--agrees); border-style: dashed; background: white; }
.badge.differs-si { color: var(--differs); border-style: dashed; background: white; }
.badge.not-run { color: var(--grey); border-color: transparent; font-weight: 400; background: #f0f0f0; }
fieldset { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; border: 1px solid var(--line); border-radius: 6px;
  margin: 1rem 0 0; padding: .4rem .9rem .6rem; }
legend { padding: 0 .4em; font-weight: 600; }
label { cursor: pointer; }
summary { cursor: pointer; font-weight: 600; }
table { border-collapse: collapse; }
.overview { margin: .5rem 0 0; }
.overview td, .overview th { padding: .15rem .7rem .15rem 0; text-align: left; font-weight: 400; }
.overview td:nth-child(n+3) { text-align: center; font-variant-numeric: tabular-nums; }
.overview tbody tr { border-top: 1px solid #eeeeee; }
a { color: #00507d; }
.numbers { width: 100%; min-width: 72rem; table-layout: fixed; }
.numbers th:nth-child(1) { width: 12rem; }
.numbers th:nth-child(2), .numbers th:nth-child(3) { width: 9.5rem; }
.numbers th:nth-child(4) { width: 13.5rem; }
.numbers th:nth-child(5), .numbers th:nth-child(7) { width: 5.8rem; }
.numbers th:nth-child(6) { width: 8.3rem; }
.numbers td { padding: .35rem .8rem .35rem 0; vertical-align: top; border-top: 1px solid #eeeeee; }
.numbers thead th { position: sticky; top: 0; z-index: 1; background: white; padding: .4rem .8rem .4rem 0;
  text-align: left; border-bottom: 2px solid #1d1d1f; }
.numbers thead th:nth-child(5), .numbers thead th:nth-child(6), .numbers thead th:nth-child(7) { text-align: right; }
.target th { padding: 1.1rem 0 .25rem; text-align: left; font-size: 1.02rem; border-bottom: 1px solid #8a8a8a; }
.target th span { margin-left: .6em; font-weight: 400; font-size: .87rem; color: var(--grey); }
td.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.numbers td { overflow-wrap: anywhere; }
td.r { font-size: .93em; }
small { display: block; color: var(--grey); font-size: .82em; }
tbody { scroll-margin-top: 3rem; }
@media print { fieldset { display: none; } .numbers thead th { position: static; } }
"""

_HIDDEN = [
    *(
        f"body:has(#show-{kind}:not(:checked)) .numbers tr.{kind}"
        for kind in ("agrees", "differs", "agrees-si", "differs-si", "not-run")
    ),
    *(f"body:has(#paper-{name}:not(:checked)) section.paper-{name}" for name in TARGETS),
]
STYLE = _LOOK + ",\n".join(_HIDDEN) + " { display: none; }\n"
