/** The server's interface. All throw an Error with the server's message where it refuses. */

async function ask(path, options) {
  const response = await fetch(path, options);
  if (!response.ok) {
    const answer = await response.json().catch(() => ({ error: `status ${response.status}` }));
    throw new Error(answer.error);
  }
  return response;
}

function post(path, request, signal) {
  const headers = { "Content-Type": "application/json" };
  return ask(path, { method: "POST", headers, body: JSON.stringify(request), signal });
}

/** What there is to choose from. */
export async function workbench() {
  return (await ask("/api/workbench")).json();
}

/** An image with noise and what a denoiser makes of it. */
export async function preview(request) {
  return (await post("/api/previews", request)).json();
}

/** The events of a run, as {name, data}; aborting the signal ends it. */
export async function* run(request, signal) {
  const response = await post("/api/runs", request, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    const events = (text + value).split("\n\n");
    text = events.pop();
    for (const event of events) {
      const [, name, data] = event.match(/^event: (\w+)\ndata: (.*)$/);
      yield { name, data: JSON.parse(data) };
    }
  }
}

export async function cancel(id) {
  await fetch(`/api/runs/${id}`, { method: "DELETE" });
}
