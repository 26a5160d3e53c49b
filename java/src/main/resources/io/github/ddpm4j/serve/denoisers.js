/** The choice of a denoiser and of another to compare it with. */

export const shapeOf = ({ height, width, channels }) => `${height}×${width}×${channels}`;

/**
 * Fills the form's selects.
 *
 * @param changed called when another is chosen
 * @return chosen: the denoisers chosen, one or two; scheduler: id of the network whose noise schedule they share
 */
export function choice(form, { denoisers }, changed) {
  const { denoiser, rival } = form.elements;
  denoiser.replaceChildren(...denoisers.map(option));
  const chosen = () => [denoiser, rival].map((s) => denoisers.find((d) => d.id === s.value)).filter(Boolean);

  function fill() {
    const first = denoisers.find((d) => d.id === denoiser.value);
    const kept = rival.value;
    const others = denoisers.filter((d) => d !== first && shapeOf(d) === shapeOf(first));
    rival.replaceChildren(new Option("nothing", ""), ...others.map(option));
    rival.value = others.some((d) => d.id === kept) ? kept : "";
    rival.disabled = others.every((d) => d.problem);
  }

  function choose(id) {
    denoiser.value = id;
    fill();
    changed();
  }

  denoiser.addEventListener("change", () => choose(denoiser.value));
  rival.addEventListener("change", changed);
  fill();
  return {
    chosen,
    /** Of the network among the chosen, or else the first of all. */
    scheduler: () => chosen().find((d) => d.timesteps) ?? denoisers.find((d) => d.timesteps),
    choose,
  };
}

function option({ id, label, problem }) {
  const made = new Option(problem ? `${label} (no data)` : label, id);
  made.disabled = Boolean(problem);
  made.title = problem ?? "";
  return made;
}

/** A denoiser's part of the page. */
export function lane(denoiser) {
  const element = document.getElementById("lane").content.firstElementChild.cloneNode(true);
  const [xt, x0] = element.querySelectorAll("canvas");
  element.querySelector("h3").textContent = denoiser.label;
  for (const [canvas, label] of [[xt, "x_t"], [x0, "predicted x_0"]]) {
    canvas.role = "img";
    canvas.ariaLabel = `${label} of the ${denoiser.label}`;
  }
  return {
    element,
    xt,
    x0,
    bar: element.querySelector("progress"),
    progress: element.querySelector(".progress span"),
    caption: element.querySelector(".caption"),
    exhibits: element.querySelector(".exhibits"),
  };
}
