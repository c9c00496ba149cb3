// Python in a worker: Pyodide from this site, symderiv and SymPy from one archive beside it.

import { loadPyodide } from "./pyodide/pyodide.mjs";

const say = (state) => postMessage({ state });

async function load() {
  say("loading Python …");
  const [pyodide, archive] = await Promise.all([
    loadPyodide({ indexURL: new URL("pyodide/", self.location.href).href }),
    fetch("site.zip").then((response) => {
      if (!response.ok) throw new Error("site.zip can't be loaded");
      return response.arrayBuffer();
    }),
  ]);
  say("unpacking SymPy …");
  const where = "/site";
  pyodide.FS.mkdirTree(where);
  pyodide.unpackArchive(archive, "zip", { extractDir: where });
  say("starting the engine …");
  pyodide.runPython(`import sys; sys.path.insert(0, "${where}"); sys.setrecursionlimit(1000)`);
  const answers = pyodide.pyimport("symderiv.web.answers");
  return answers.answer_text;
}

const engine = load();
engine.then(() => say("ready"), (error) => postMessage({ failed: `the engine can't be started: ${error.message ?? error}` }));

self.onmessage = async ({ data }) => {
  const answer = await engine;
  postMessage({ id: data.id, answer: answer(data.text) });
};
