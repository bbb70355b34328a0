/** The looks of the picture, by day and by night; no colour says what no word or form says. */
export const timelineStyle = `
svg { --ground: #ffffff; --card: #f5f6f8; --ink: #1c2128; --faint: #626b78; --line: #d9dee5; --now: #c2410c;
  --rumoured: #f4c95d; --on-rumoured: #4a3600; --omnipresent: #1f8a70; --on-omnipresent: #ffffff;
  --unretentive: #c9bde6; --on-unretentive: #35265c; }
@media (prefers-color-scheme: dark) { svg { --ground: #12151a; --card: #1b2027; --ink: #e8ebf0; --faint: #9aa4b2;
  --line: #343c47; --now: #fb923c; --rumoured: #d9a92f; --on-rumoured: #221900; --omnipresent: #2fa98a;
  --on-omnipresent: #04120e; --unretentive: #6f5fa0; --on-unretentive: #f2eefc; } }
text { font: 12px system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; fill: var(--ink); }
.ground { fill: var(--ground); }
.card { fill: var(--card); }
.title { font-size: 18px; font-weight: 600; }
.key { font-size: 13px; font-weight: 600; }
.faint { fill: var(--faint); }
.small { font-size: 11px; fill: var(--faint); }
.on-card { paint-order: stroke; stroke: var(--card); stroke-width: 4px; }
.middle { text-anchor: middle; }
.moment { stroke: var(--line); }
.axis { stroke: var(--faint); }
.none { stroke: var(--faint); stroke-dasharray: 1 5; opacity: .7; }
.bar { stroke-width: 1.5; }
.rumoured { fill: var(--rumoured); stroke: var(--rumoured); }
.omnipresent { fill: var(--omnipresent); stroke: var(--omnipresent); }
.unretentive { fill: var(--unretentive); stroke: var(--unretentive); }
.planned { fill-opacity: .28; stroke-dasharray: 4 3; }
.state { font-size: 11px; font-weight: 600; text-anchor: middle; }
.on-rumoured { fill: var(--on-rumoured); }
.on-omnipresent { fill: var(--on-omnipresent); }
.on-unretentive { fill: var(--on-unretentive); }
.foretold { fill: var(--ink); font-weight: 400; }
.now { stroke: var(--now); stroke-width: 1.5; }
.now-label { fill: var(--now); font-weight: 600; text-anchor: middle; }
.mark { fill: var(--ground); stroke: var(--ink); stroke-width: 1.5; }
.sign { stroke: var(--ink); stroke-width: 1.5; }
`;
