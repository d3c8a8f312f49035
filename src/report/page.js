// Comfort only: the page is complete without. Slices open large and can be scrolled through; a cohort's table
// can be sorted.
(function () {
  'use strict';
  var slices = Array.prototype.slice.call(document.querySelectorAll('.slice'));
  slices.sort(function (a, b) { return a.dataset.slice - b.dataset.slice; });
  if (slices.length && window.HTMLDialogElement) {
    var dialog = document.createElement('dialog'), stage = document.createElement('div');
    var tools = document.createElement('div'), caption = document.createElement('figcaption');
    var range = document.createElement('input'), close = document.createElement('button'), now = 0;
    stage.className = 'stage';
    tools.className = 'tools';
    dialog.setAttribute('aria-label', 'One slice, large');
    range.type = 'range';
    range.min = 0;
    range.max = slices.length - 1;
    range.setAttribute('aria-label', 'Slice');
    close.textContent = 'Close';
    tools.append(caption, range, close);
    dialog.append(stage, tools);
    document.body.append(dialog);
    var show = function (i) {
      now = Math.max(0, Math.min(slices.length - 1, i));
      stage.replaceChildren(slices[now].querySelector('.frame').cloneNode(true));
      caption.replaceChildren.apply(caption, Array.prototype.map.call(
        slices[now].querySelector('figcaption').childNodes, function (n) { return n.cloneNode(true); }));
      range.value = now;
    };
    range.addEventListener('input', function () { show(+range.value); });
    close.addEventListener('click', function () { dialog.close(); });
    dialog.addEventListener('keydown', function (e) {
      var step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 5, PageDown: -5 }[e.key];
      if (step) { e.preventDefault(); show(now + step); }
    });
    dialog.addEventListener('wheel', function (e) { e.preventDefault(); show(now + (e.deltaY > 0 ? -1 : 1)); }, { passive: false });
    dialog.addEventListener('click', function (e) { if (e.target === dialog) dialog.close(); });
    slices.forEach(function (slice, i) {
      var frame = slice.querySelector('.frame');
      slice.classList.add('opens');
      frame.tabIndex = 0;
      frame.setAttribute('role', 'button');
      frame.setAttribute('aria-label', 'Open slice ' + slice.dataset.slice + ' large');
      frame.addEventListener('click', function () { show(i); dialog.showModal(); range.focus(); });
      frame.addEventListener('keydown', function (e) {
        if (e.key === 'Enter' || e.key === ' ') { e.preventDefault(); show(i); dialog.showModal(); range.focus(); }
      });
    });
  }
  document.querySelectorAll('.sortable').forEach(function (table) {
    var heads = Array.prototype.slice.call(table.querySelectorAll('thead th')), body = table.tBodies[0];
    heads.forEach(function (head, column) {
      if (head.classList.contains('fixed')) return;
      var button = document.createElement('button');
      button.append.apply(button, Array.prototype.slice.call(head.childNodes));
      head.append(button);
      button.addEventListener('click', function () {
        var up = head.getAttribute('aria-sort') === 'descending';
        heads.forEach(function (h) { h.removeAttribute('aria-sort'); });
        head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
        var key = function (row) {
          var data = row.cells[column].querySelector('data');
          return data ? +data.value : row.cells[column].textContent;
        };
        Array.prototype.slice.call(body.rows).sort(function (a, b) {
          var x = key(a), y = key(b), order = x < y ? -1 : x > y ? 1 : 0;
          return up ? order : -order;
        }).forEach(function (row) { body.append(row); });
      });
    });
  });
})();
