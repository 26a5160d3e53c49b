import { choice, lane } from "./denoisers.js";
import { decode, draw, picture } from "./pictures.js";
import { cancel, run } from "./server.js";

/**
 * The view that draws images.
 *
 * @param pick called with denoiser, bytes and name of a sample that is clicked
 */
export function sampling(offered, pick) {
  const section = document.getElementById("sampling");
  const form = section.querySelector("form");
  const stage = section.querySelector(".stage");
  const status = form.querySelector(".status");
  const { sampler, steps, count, seed, nearest, dice } = form.elements;
  let running = [];

  for (const name of offered.samplers) {
    sampler.append(new Option(name));
  }
  sampler.value = "ddim";
  for (const { label, problem } of offered.denoisers.filter((d) => d.problem)) {
    const item = document.createElement("li");
    item.textContent = `${label}: ${problem}`;
    form.querySelector(".problems").append(item);
  }
  const choices = choice(form, offered, bound);

  function bound() {
    const [denoiser] = choices.chosen();
    count.max = denoiser.mostImages;
    nearest.disabled = !denoiser.trainingImages;
  }
  bound();

  sampler.addEventListener("change", () => {
    steps.value = sampler.value === "ddpm" ? choices.scheduler().timesteps : 50;
  });
  dice.addEventListener("click", () => {
    seed.value = Math.floor(Math.random() * 1e6);
  });
  form.elements.cancel.addEventListener("click", () => running.forEach((r) => r.cancel()));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    running.forEach((r) => r.cancel());
    const started = performance.now();
    const mine = choices.chosen().map(start);
    running = mine;
    stage.replaceChildren(...mine.map((r) => r.element));
    form.elements.cancel.disabled = false;
    say("Drawing …");
    const ends = await Promise.allSettled(mine.map((r) => r.end));
    if (running !== mine) {
      return;
    }
    running = [];
    form.elements.cancel.disabled = true;
    const failure = ends.find((e) => e.status === "rejected");
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    say(failure ? failure.reason.message : `${ends[0].value} after ${seconds} s`, failure);
  });

  function say(text, wrong) {
    status.textContent = text;
    status.classList.toggle("wrong", Boolean(wrong));
  }

  /** Starts a run; returns its element, how to cancel it, and the promise of how it ends. */
  function start(denoiser) {
    const view = lane(denoiser);
    const connection = new AbortController();
    let id = null;
    const request = {
      denoiser: denoiser.id,
      scheduler: denoiser.timesteps ? denoiser.id : choices.scheduler().id,
      sampler: sampler.value,
      steps: steps.valueAsNumber,
      seed: seed.valueAsNumber,
      count: count.valueAsNumber,
      nearest: nearest.checked && !nearest.disabled,
    };
    view.progress.textContent = "waiting …";
    async function follow() {
      let samples = null;
      for await (const { name, data } of run(request, connection.signal)) {
        if (name === "start") {
          id = data.run;
          view.bar.max = data.of;
        } else if (name === "step") {
          step(view, denoiser, data);
        } else if (name === "done") {
          samples = decode(data.x);
          draw(view.xt, samples, denoiser);
          view.progress.textContent = `done, ${view.bar.max} steps`;
          exhibit(view, denoiser, samples, [], pick);
          if (request.nearest) {
            view.caption.textContent = "Looking for the nearest training images …";
          }
        } else if (name === "nearest") {
          exhibit(view, denoiser, samples, data, pick);
        } else if (name === "cancelled") {
          view.progress.textContent += ", cancelled";
          view.caption.textContent = "";
          return "Cancelled";
        } else {
          throw new Error(data.error);
        }
      }
      if (samples === null) {
        throw new Error("the server has ended the run");
      }
      return "Done";
    }
    const end = follow().catch((error) => {
      if (connection.signal.aborted) {
        return "Cancelled";
      }
      view.progress.textContent = error.message;
      view.progress.classList.add("wrong");
      throw error;
    });
    return {
      element: view.element,
      cancel: () => (id === null ? connection.abort() : cancel(id)),
      end,
    };
  }
}

function step(view, denoiser, { step, of, t, x, x0 }) {
  view.bar.value = step + 1;
  view.progress.textContent = `step ${step + 1} of ${of}, t = ${Math.round(t * 10) / 10}`;
  if (x) {
    draw(view.xt, decode(x), denoiser);
    draw(view.x0, decode(x0), denoiser);
  }
}

/** Shows each sample, and beside it the nearest training image if they are known. */
function exhibit(view, denoiser, samples, neighbours, pick) {
  const size = denoiser.height * denoiser.width * denoiser.channels;
  view.caption.textContent = neighbours.length
    ? "Each sample and the training image nearest to it, with its index and distance. A click adds noise to a sample."
    : "A click adds noise to a sample.";
  view.exhibits.replaceChildren();
  for (let n = 0; n * size < samples.length; n++) {
    const bytes = samples.slice(n * size, (n + 1) * size);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "exhibit";
    const twins = document.createElement("span");
    twins.className = "twins";
    twins.append(picture(bytes, denoiser, `sample ${n}`));
    button.append(twins);
    if (neighbours.length) {
      const { distance, image } = neighbours[n];
      twins.append(picture(decode(image.pixels), denoiser, `training image ${image.index}`));
      button.append(`#${image.index}, ${distance.toFixed(2)}`);
    }
    button.addEventListener("click", () => pick(denoiser, bytes, `sample ${n}`));
    view.exhibits.append(button);
  }
}
