import { choice, lane } from "./denoisers.js";
import { decode, draw, encode, picture, read } from "./pictures.js";
import { preview } from "./server.js";

/** The view that adds noise to an image. */
export function forward(offered) {
  const section = document.getElementById("forward");
  const form = section.querySelector("form");
  const status = form.querySelector(".status");
  const lanes = section.querySelector(".lanes");
  const timestep = document.getElementById("timestep");
  const drop = form.querySelector(".drop");
  const { index, file, seed, dice, reseed, invert } = form.elements;

  /** An image that is not a training image: bytes and name, or null. */
  let own = null;
  /** Bytes of the image shown. */
  let shown = null;
  let views = [];
  let busy = false;
  let again = false;
  const choices = choice(form, offered, rebuild);

  function rebuild() {
    const chosen = choices.chosen();
    const [first] = chosen;
    if (own && own.bytes.length !== first.height * first.width * first.channels) {
      own = null;
    }
    index.disabled = dice.disabled = !first.trainingImages;
    timestep.max = choices.scheduler().timesteps - 1;
    views = chosen.map((denoiser) => ({ denoiser, ...lane(denoiser) }));
    for (const view of views) {
      view.element.querySelector(".progress").remove();
      const original = document.createElement("figure");
      view.image = document.createElement("canvas");
      original.innerHTML = "<figcaption>x<sub>0</sub></figcaption>";
      original.prepend(view.image);
      view.element.querySelector(".pictures").prepend(original);
    }
    lanes.replaceChildren(...views.map((v) => v.element));
    update();
  }

  /** Brings the pictures up to date; while that is going on, notes that they are not. */
  async function update() {
    if (section.hidden || busy) {
      again = true;
      return;
    }
    if (!own && index.disabled) {
      say("No training images are at hand: drop an image, or click a sample.");
      return;
    }
    if (!form.checkValidity()) {
      form.reportValidity();
      return;
    }
    busy = true;
    again = false;
    const shownViews = views;
    const name = own?.name;
    try {
      const results = await Promise.all(shownViews.map(({ denoiser }) => preview(request(denoiser))));
      results.forEach((result, i) => show(shownViews[i], result));
      say(name ? `Image: ${name}` : describe(results[0]));
    } catch (error) {
      say(error.message, true);
    }
    busy = false;
    if (again) {
      update();
    }
  }

  function request(denoiser) {
    return {
      denoiser: denoiser.id,
      scheduler: denoiser.timesteps ? denoiser.id : choices.scheduler().id,
      t: timestep.valueAsNumber,
      seed: seed.valueAsNumber,
      ...(own ? { pixels: encode(own.bytes) } : { index: index.valueAsNumber }),
    };
  }

  function describe({ image, images }) {
    index.max = images - 1;
    const label = image.label === null ? "" : `, class ${image.label}`;
    return `Training image ${image.index} of ${images}${label}`;
  }

  function show(view, { t, signal, sigma, image, xt, x0, parts }) {
    shown = decode(image.pixels);
    draw(view.image, shown, view.denoiser);
    draw(view.xt, decode(xt), view.denoiser);
    draw(view.x0, decode(x0), view.denoiser);
    section.querySelector(".t").textContent = `t = ${t}`;
    section.querySelector(".formula").innerHTML =
      `x<sub>t</sub> = ${signal.toFixed(4)} x<sub>0</sub> + ${sigma.toFixed(4)} ε`;
    view.caption.textContent = parts.length
      ? "The training images that x̂\u2080 is made of, and their weights:"
      : "";
    view.exhibits.replaceChildren(
      ...parts.map(({ weight, image: part }) => {
        const element = document.createElement("div");
        element.className = "exhibit";
        const meter = document.createElement("meter");
        meter.value = weight;
        meter.ariaLabel = "weight";
        const percent = weight < 1e-4 ? "< 0.01" : (weight * 100).toFixed(2);
        element.append(
          picture(decode(part.pixels), view.denoiser, `training image ${part.index}`),
          meter,
          Object.assign(document.createElement("span"), { textContent: `#${part.index}` }),
          `${percent} %`);
        return element;
      }));
  }

  function say(text, wrong = false) {
    status.textContent = text;
    status.classList.toggle("wrong", wrong);
  }

  async function take(chosen) {
    if (!chosen) {
      return;
    }
    try {
      own = { bytes: await read(chosen, views[0].denoiser), name: chosen.name };
      update();
    } catch (error) {
      say(error.message, true);
    }
  }

  timestep.addEventListener("input", update);
  seed.addEventListener("input", update);
  index.addEventListener("input", () => {
    own = null;
    update();
  });
  dice.addEventListener("click", () => {
    own = null;
    index.value = Math.floor(Math.random() * (Number(index.max || 0) + 1));
    update();
  });
  reseed.addEventListener("click", () => {
    seed.value = Math.floor(Math.random() * 1e6);
    update();
  });
  invert.addEventListener("click", () => {
    if (shown) {
      own = { bytes: shown.map((b) => 255 - b), name: own?.name ?? `training image ${index.value}, inverted` };
      update();
    }
  });
  file.addEventListener("change", () => take(file.files[0]));
  for (const name of ["dragover", "dragleave", "drop"]) {
    section.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
      if (name === "drop") {
        take(event.dataTransfer.files[0]);
      }
    });
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("view", update);
  rebuild();

  return {
    /** Takes an image from elsewhere. */
    use(denoiser, bytes, name) {
      own = { bytes, name };
      choices.choose(denoiser.id);
    },
  };
}
