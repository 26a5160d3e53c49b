import { forward } from "./forward.js";
import { sampling } from "./sampling.js";
import { workbench } from "./server.js";

/** Shows the view that the address names. */
function show() {
  const wanted = location.hash === "#forward" ? "forward" : "sampling";
  for (const section of document.querySelectorAll("section")) {
    section.hidden = section.id !== wanted;
  }
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${wanted}`) {
      link.setAttribute("aria-current", "page");
    } else {
      link.removeAttribute("aria-current");
    }
  }
  document.dispatchEvent(new CustomEvent("view", { detail: wanted }));
}

show();
try {
  const offered = await workbench();
  const view = forward(offered);
  sampling(offered, (denoiser, bytes, name) => {
    view.use(denoiser, bytes, name);
    location.hash = "#forward";
  });
  addEventListener("hashchange", show);
  show();
} catch (error) {
  for (const status of document.querySelectorAll(".status")) {
    status.textContent = error.message;
    status.classList.add("wrong");
  }
}
