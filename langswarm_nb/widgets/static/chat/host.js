// What the program around the panel offers beyond the widget protocol; each of it is used only where it is there.

/** Returns what JupyterLab and Notebook give a widget: its notebook and its kernel. */
function hostOf(model) {
  const manager = model.widget_manager;
  const shared = manager?.context?.model?.sharedModel;
  // VS Code's manager has a notebook without cells, which is nobody's.
  const notebook = shared?.cells?.length ? shared : null;
  const viewType = "application/vnd.jupyter.widget-view+json";
  const cellOf = (id) =>
    notebook.cells.findLastIndex((cell) =>
      (cell.toJSON().outputs ?? []).some((output) => output.data?.[viewType]?.model_id === id),
    );
  return {
    canInsert: Boolean(notebook?.insertCell),
    /** Puts code into a new cell below the panel's; returns whether that worked. */
    insertBelow(source) {
      const at = cellOf(model.get("panel_id"));
      if (at < 0) return false;
      notebook.insertCell(at + 1, { cell_type: "code", source, metadata: {} });
      return true;
    },
    /** Returns idle, busy, dead, ... or null where the host does not tell. */
    kernelStatus: () => manager?.kernel?.status ?? null,
    /** Calls `moved` when the kernel's status changes, `back` when the connection to it is there again. */
    onKernelChange(moved, back) {
      const kernel = manager?.kernel;
      const connection = (_, status) => (status === "connected" ? back() : moved());
      kernel?.statusChanged?.connect(moved);
      kernel?.connectionStatusChanged?.connect(connection);
      return () => {
        kernel?.statusChanged?.disconnect(moved);
        kernel?.connectionStatusChanged?.disconnect(connection);
      };
    },
  };
}

/** While the panel lives, the plain transcript that the file keeps is not shown as well. */
function transcriptRule(id) {
  const name = `.lsnb-transcript-${id}`;
  return `${name},.jp-OutputArea-child:has(>.jp-OutputArea-output ${name}){display:none!important}`;
}

/** Nor does MathJax set its formulas again with each turn. */
function skipMaths(id, skip) {
  document.querySelector(`.lsnb-transcript-${id}`)?.closest(".jp-OutputArea-output")?.classList.toggle("mathjax_ignore", skip);
}
