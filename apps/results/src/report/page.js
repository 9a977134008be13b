// Theme, tabs and read-outs. Without it the page still shows everything, one thing beneath the other.
(() => {
  "use strict";
  const root = document.documentElement;

  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const named = () => {
    button.textContent = dark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Use ${dark() ? "light" : "dark"} colours`);
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    named();
  });
  system.addEventListener("change", named);
  named();

  // Tabs as in the ARIA authoring practices: arrow keys move, Home and End jump.
  let count = 0;
  for (const group of document.querySelectorAll(".tabs")) {
    const panels = [...group.children].filter((child) => child.classList.contains("panel"));
    if (panels.length < 2) continue;
    const list = document.createElement("div");
    list.className = "tablist";
    list.setAttribute("role", "tablist");
    list.setAttribute("aria-label", group.dataset.label);
    const show = (chosen) => {
      panels.forEach((panel, at) => {
        panel.classList.toggle("off", at !== chosen);
        list.children[at].setAttribute("aria-selected", String(at === chosen));
        list.children[at].tabIndex = at === chosen ? 0 : -1;
      });
    };
    panels.forEach((panel, at) => {
      const tab = document.createElement("button");
      tab.type = "button";
      tab.textContent = panel.dataset.name;
      tab.id = `tab-${++count}`;
      panel.id = `panel-${count}`;
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", panel.id);
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", tab.id);
      tab.addEventListener("click", () => show(at));
      tab.addEventListener("keydown", (event) => {
        const last = panels.length - 1;
        const to = { ArrowRight: at === last ? 0 : at + 1, ArrowLeft: at === 0 ? last : at - 1, Home: 0, End: last }[event.key];
        if (to === undefined) return;
        event.preventDefault();
        show(to);
        list.children[to].focus();
      });
      list.append(tab);
    });
    group.prepend(list);
    show(0);
  }

  // Read-outs: the plot is a slider over its columns.
  for (const chart of document.querySelectorAll(".read")) {
    const source = chart.querySelector("script");
    const plot = chart.querySelector(".plot");
    if (!source || !plot) continue;
    const { x, s, labels = [], tracks = 0, none = "none", hands = [] } = JSON.parse(source.textContent);
    if (!x.length) continue;
    const now = [...chart.querySelectorAll(".legend .now")];
    const words = [...chart.querySelectorAll(".word")];
    const place = chart.querySelector(".at");
    const cursor = document.createElement("div");
    cursor.className = "cursor";
    cursor.hidden = true;
    plot.append(cursor);
    // Charts have a point at either end; a clip's columns fill the width.
    const [first, last] = [x[0], x[x.length - 1]];
    const left = (at) => (tracks ? (at + 0.5) / x.length : last > first ? (x[at] - first) / (last - first) : 0);
    const text = (value) => {
      if (value === null || value === undefined) return "–";
      const small = value !== 0 && Math.abs(value) < 1e-3;
      return (small ? value.toExponential(1) : String(value)).replaceAll("-", "\u2212");
    };
    const name = (value) => labels[value] ?? none;
    const byHand = (i) => (hands[i] ?? []).some(({ start, end }) => start <= at && at < end);
    let at = x.length - 1;
    const show = () => {
      cursor.hidden = false;
      chart.classList.add("live");
      cursor.style.left = `${left(at) * 100}%`;
      place.textContent = place.dataset.unit === "s" ? `${x[at].toFixed(2)} s` : `${place.dataset.unit} ${text(x[at])}`;
      words.forEach((word, i) => (word.textContent = name(s[i][at]) + (byHand(i) ? ", by hand" : "")));
      now.forEach((span, i) => (span.textContent = s[tracks + i] ? text(s[tracks + i][at]) : ""));
      const spoken = words.length
        ? words.map((word) => `${word.parentElement.firstChild.textContent}: ${word.textContent}`)
        : now.map((span) => `${span.parentElement.childNodes[1].textContent}: ${span.textContent}`);
      plot.setAttribute("aria-valuenow", String(at));
      plot.setAttribute("aria-valuetext", `${place.textContent}. ${spoken.join(", ")}`);
    };
    const hide = () => {
      if (document.activeElement === plot) return;
      cursor.hidden = true;
      chart.classList.remove("live");
      [...now, ...words, place].forEach((element) => (element.textContent = ""));
    };
    chart.classList.add("ready");
    plot.tabIndex = 0;
    plot.setAttribute("role", "slider");
    plot.setAttribute("aria-valuemin", "0");
    plot.setAttribute("aria-valuemax", String(x.length - 1));
    plot.setAttribute("aria-valuenow", String(at));
    const point = (event) => {
      const box = plot.getBoundingClientRect();
      const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
      if (tracks) {
        at = Math.min(x.length - 1, Math.floor(share * x.length));
      } else {
        const wanted = first + share * (last - first);
        let [low, high] = [0, x.length - 1];
        while (high - low > 1) {
          const middle = (low + high) >> 1;
          if (x[middle] <= wanted) low = middle;
          else high = middle;
        }
        at = wanted - x[low] <= x[high] - wanted ? low : high;
      }
      show();
    };
    plot.addEventListener("pointermove", point);
    plot.addEventListener("pointerdown", point);
    plot.addEventListener("pointerleave", hide);
    plot.addEventListener("focus", () => plot.matches(":focus-visible") && show());
    plot.addEventListener("blur", hide);
    plot.addEventListener("keydown", (event) => {
      const big = Math.max(1, Math.round(x.length / 10));
      const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: big, PageDown: -big, Home: -x.length, End: x.length }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      at = Math.min(x.length - 1, Math.max(0, at + by));
      show();
    });
  }

  // What is folded away on the screen is printed all the same.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details.more:not([open])")];
    opened.forEach((part) => (part.open = true));
  });
  addEventListener("afterprint", () => opened.forEach((part) => (part.open = false)));
})();
