/* What the pages do beside HTML: live updates, plots, closing a form. Everything works without it but the plots. */
(function () {
  "use strict";
  function css(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

  function draw(box) {
    var told = JSON.parse(box.dataset.plot), width = Math.max(box.clientWidth, 240);
    var ink = css("--soft"), grid = css("--line");
    var axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid } };
    var series = [{ label: told.x }].concat(told.series.map(function (one) {
      return { label: one.label, stroke: css(one.colour || "--busy"), width: one.width === undefined ? 2 : one.width,
        dash: one.dash || undefined, points: { show: told.points === true },
        paths: one.bars ? uPlot.paths.bars({ size: [0.7, 40] }) : undefined, fill: one.bars ? css(one.colour || "--busy") : undefined };
    }));
    var options = { width: width, height: 225, scales: { x: { time: false, range: told.labels ? function (u, low, high) { return [low - 0.6, high + 0.6]; } : undefined }, y: { range: told.range } }, axes: [
      Object.assign({ values: told.labels ? function (u, at) { return at.map(function (i) { return told.labels[i] || ""; }); } : undefined, incrs: [1, 2, 3, 4, 6, 12, 24] }, axis),
      Object.assign({ size: 46 }, axis)], series: series, legend: { live: false }, cursor: { y: false } };
    if (told.band) { options.bands = [{ series: told.band, fill: css("--band") }]; }
    box.textContent = "";
    new uPlot(options, told.data, box);
  }
  /* The picture of a series that Orthanc has deleted, or has never had. */
  function hideMissing() {
    document.querySelectorAll("img.thumb").forEach(function (one) {
      if (one.complete && !one.naturalWidth) { one.classList.add("hidden"); }
    });
  }
  function plots(root) { root.querySelectorAll("[data-plot]").forEach(draw); }

  document.addEventListener("DOMContentLoaded", function () {
    plots(document);
    hideMissing();
    if (document.querySelector("[data-live]") && window.EventSource) {
      var stream = new EventSource("/events");
      stream.addEventListener("changed", function () {
        /* What somebody is typing into, or has opened, is not taken away. */
        if (!document.hidden && !document.querySelector("[data-live] details[open], [data-live] :focus")) {
          htmx.trigger(document.body, "changed");
        }
      });
      stream.onerror = function () { document.body.dataset.stale = "yes"; };
      stream.onopen = function () { delete document.body.dataset.stale; };
    }
    var docs = document.getElementById("swagger");
    if (docs && window.SwaggerUIBundle) { SwaggerUIBundle({ url: docs.dataset.url, domNode: docs, validatorUrl: null }); }
  });
  document.addEventListener("htmx:afterSwap", function (event) { plots(document.getElementById(event.target.id) || document); hideMissing(); });
  document.addEventListener("error", function (event) {
    if (event.target.matches && event.target.matches("img.thumb")) { event.target.classList.add("hidden"); }
  }, true);
  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") { document.querySelectorAll("details.act[open]").forEach(function (one) { one.open = false; }); }
  });
  var shape;
  window.addEventListener("resize", function () { clearTimeout(shape); shape = setTimeout(function () { plots(document); }, 200); });
})();
