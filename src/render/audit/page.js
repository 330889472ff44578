(() => {
  'use strict';
  const PAGE = 100;
  const el = (id) => document.getElementById(id);
  const data = JSON.parse(el('data').textContent);
  const rows = data.rows;
  const total = rows.id.length;
  const number = (n) => n.toLocaleString('en-US');

  /* What turns the direction of writing or hides in a name is shown as what it is. */
  const clean = (text) => text.replace(
    /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff]/g,
    (c) => '\\u{' + c.charCodeAt(0).toString(16) + '}');

  const account = (index) => data.accounts[index][1] || data.accounts[index][0];
  const launcher = (index) => {
    const [kind, name] = data.launchers[index];
    return name === null ? kind : kind + ' ' + name;
  };
  const boot = ([verdict, action]) => 'boot guard: ' + verdict + (action === 'none' ? '' : ', ' + action);
  const age = (hours) => hours < 0 ? '' : hours < 48 ? hours + ' h ago' : Math.floor(hours / 24) + ' d ago';

  const form = { search: el('search'), class: el('class'), account: el('account'), region: el('region') };
  const options = (select, all, list) => {
    select.replaceChildren(new Option(all, ''), ...list.map(([text, value]) => new Option(clean(text), value)));
  };
  const counts = new Array(data.classes.length).fill(0);
  for (const digit of rows.class) counts[digit]++;
  const sorted = (list) => list.sort((a, b) => a[0].localeCompare(b[0]));
  options(form.class, 'All', data.classes.map((name, i) => [name + ' (' + number(counts[i]) + ')', i]).filter(([, i]) => counts[i]));
  options(form.account, 'All', sorted(data.accounts.map((one, i) => [account(i), i])));
  options(form.region, 'All', sorted(data.regions.map((name, i) => [name, i])));

  /* A word is looked for in each list once, and then only numbers are compared. */
  const finder = (word) => {
    const marks = (list, text) => list.map((one) => text(one).toLowerCase().includes(word));
    const joined = (one) => one.filter((part) => part !== null).join(' ');
    const own = (one) => one;
    const found = {
      account: marks(data.accounts, joined), region: marks(data.regions, own), image: marks(data.images, joined),
      name: marks(data.names, own), launcher: marks(data.launchers, joined), reason: marks(data.reasons, joined),
      state: marks(data.states, own), boot: marks(data.boots, (one) => boot(one)),
    };
    const columns = Object.keys(found).filter((column) => found[column].includes(true));
    const id = word.startsWith('i-') ? word.slice(2) : word;
    return (row) => rows.id[row].includes(id) || columns.some((column) => found[column][rows[column][row]] === true);
  };

  let matching = [];
  let shown = 0;

  const cell = (text, small, name) => {
    const td = document.createElement('td');
    td.setAttribute('role', 'cell');
    if (text) {
      const span = document.createElement('span');
      span.textContent = clean(text);
      if (name) span.className = name;
      td.append(span);
    }
    if (small) {
      const below = document.createElement('small');
      below.textContent = clean(small);
      td.append(below);
    }
    return td;
  };

  const line = (row) => {
    const tr = document.createElement('tr');
    tr.setAttribute('role', 'row');
    const name = data.classes[rows.class[row]];
    const [ami, image] = data.images[rows.image[row]];
    const [code, message] = rows.reason[row] < 0 ? ['', ''] : data.reasons[rows.reason[row]];
    const tag = rows.name[row] < 0 ? '' : data.names[rows.name[row]];
    const state = data.states[rows.state[row]];
    const told = rows.boot[row] < 0 ? '' : boot(data.boots[rows.boot[row]]);
    const since = [state === 'running' ? '' : state, age(rows.age[row]), told].filter((text) => text).join(', ');
    tr.append(
      cell(name, '', 'chip ' + name),
      cell(tag || '(no name)', 'i-' + rows.id[row]),
      cell(image || '(no name)', ami),
      cell(account(rows.account[row]), data.regions[rows.region[row]]),
      cell(launcher(rows.launcher[row]), since),
      cell(code, message, 'id'));
    return tr;
  };

  const more = (count) => {
    const next = matching.slice(shown, shown + count);
    shown += next.length;
    el('rows').append(...next.map(line));
    el('more').hidden = shown >= matching.length;
    el('next').textContent = 'Show more (' + number(matching.length - shown) + ' left)';
  };

  const filter = () => {
    const words = form.search.value.toLowerCase().split(/\s+/).filter((word) => word).map(finder);
    const only = ['class', 'account', 'region'].filter((name) => form[name].value !== '').map((name) => [rows[name], Number(form[name].value)]);
    matching = [];
    for (let row = 0; row < total; row++) {
      if (only.every(([column, value]) => Number(column[row]) === value) && words.every((found) => found(row))) matching.push(row);
    }
    shown = 0;
    el('rows').replaceChildren();
    more(PAGE);
    el('table').hidden = matching.length === 0;
    el('count').textContent = matching.length === total ? number(total) + ' instances'
      : matching.length === 0 ? 'No instance matches' : number(matching.length) + ' of ' + number(total) + ' instances';
  };

  let waiting = 0;
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(filter, 120); };
  el('filters').addEventListener('input', soon);
  el('filters').addEventListener('reset', soon);
  el('filters').addEventListener('submit', (event) => { event.preventDefault(); filter(); });
  el('next').addEventListener('click', () => {
    const before = shown;
    more(PAGE);
    /* The button may be gone: whoever pressed it goes on at the first new line. */
    if (el('more').hidden) {
      const row = el('rows').children[before];
      row.tabIndex = -1;
      row.focus({ preventScroll: true });
    }
  });
  /* Scrolling brings a few more by itself; beyond that one asks, or the end of the page would never come. */
  new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting) && shown > 0 && shown < 5 * PAGE) more(PAGE); })
    .observe(el('more'));

  for (const link of document.querySelectorAll('a[data-class]')) {
    link.addEventListener('click', () => {
      const index = data.classes.indexOf(link.dataset.class);
      form.class.value = counts[index] ? String(index) : '';
      filter();
    });
  }
  el('explorer').hidden = false;
  filter();
})();
