"""The look of our pages: one sheet, light and dark, no file to be fetched."""

STYLE = """
:root{color-scheme:light dark;--ink:#1c2530;--soft:#5b6775;--line:#d9dfe6;--back:#f3f5f8;--card:#fff;
--good:#12743b;
--bad:#b3261e;--busy:#1458b8;--tint:#e8f0fc}
@media(prefers-color-scheme:dark){:root{--ink:#e4e9ef;--soft:#9aa7b5;--line:#333d49;--back:#12171d;
--card:#1b222b;
--good:#5dc58b;--bad:#ff8a80;--busy:#8ab8ff;--tint:#1d2b40}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);
font:15px/1.45 system-ui,"Noto Sans","Noto Sans CJK SC",sans-serif}
main{max-width:1240px;margin:0 auto;padding:16px}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:14px 18px;margin:0 0 14px}
.search{display:flex;flex-wrap:wrap;gap:10px;align-items:end;margin:0 0 14px}
.search label{font-size:12px;color:var(--soft);display:flex;flex-direction:column;flex:1 1 200px}
.search input{font:inherit;padding:6px 8px;border:1px solid var(--line);border-radius:6px;
background:var(--card);color:var(--ink)}
.search button{font:inherit;padding:6px 16px;border:0;border-radius:6px;background:var(--busy);
color:var(--card)}
a{color:var(--busy)}
h1{font-size:19px;margin:0 0 6px;font-weight:500}h2{font-size:15px;margin:0 0 8px}h3{font-size:15px;
margin:12px 0 4px}
p{margin:0 0 6px;overflow-wrap:anywhere}
.state{display:inline-block;padding:1px 10px;border-radius:12px;border:1px solid currentColor;font-weight:600}
.good{color:var(--good)}.bad{color:var(--bad)}.busy{color:var(--busy)}.quiet{color:var(--soft)}
.why{font-size:16px}
dl{display:flex;flex-wrap:wrap;gap:4px 26px;margin:8px 0}
dl div{display:flex;gap:6px}dt{color:var(--soft)}dd{margin:0;font-weight:500}
code{font:12.5px ui-monospace,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}.uid{color:var(--soft);
margin:0}
.way{list-style:none;display:flex;margin:0 0 14px;padding:0;gap:4px}
.way li{flex:1;text-align:center;padding:6px 4px;font-size:13px;border-bottom:4px solid var(--line);
color:var(--soft)}
.way .done{border-color:var(--good);color:var(--ink)}.way .now{border-color:var(--busy);color:var(--busy);
font-weight:600}
.next{background:var(--tint)}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13.5px}
th{text-align:left;font-weight:500;white-space:nowrap;
color:var(--soft);border-bottom:1px solid var(--line);padding:3px 12px 3px 0}
td{vertical-align:top;border-bottom:1px solid var(--line);padding:5px 12px 5px 0;overflow-wrap:anywhere}
tr:last-child td{border-bottom:0}
time{white-space:nowrap;font-variant-numeric:tabular-nums}
.kind{font-size:12px;color:var(--soft);white-space:nowrap}.kind.state{border:0;padding:0;color:var(--busy)}
.kind.result{color:var(--good)}
details summary{cursor:pointer}details[open] summary{margin-bottom:12px}
"""
