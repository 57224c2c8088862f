// What the reader looks for, and links to an ASN and a moment: /#commitment=…&asn=3320&at=2026-11-25T21:17:24Z
let sought = "";
// Commitments of which every row is shown.
const unfolded = new Set();
const SHOWN = { desk: 25, phone: 8 };
const isPhone = matchMedia("(max-width:67rem)");

const matches = (row) => {
  const words = sought.trim().toLowerCase();
  const number = words.replace(/^as ?(?=[0-9])/, "");
  return words === "" || String(row.asn) === number || (/^[0-9]+$/.test(number) && String(row.asn).startsWith(number)) || (row.name || "").toLowerCase().includes(words);
};
// The ASN that is asked for by its whole number, whether it is among those that are drawn or not.
const soughtNumber = () => {
  const [, number] = /^(?:as ?)?([0-9]{1,10})$/i.exec(sought.trim()) || [];
  return number && Number(number) < 4294967296 ? Number(number) : null;
};

// Rows of a commitment that fit what is sought. The state has only those nearest to their limit; the one
// that is open, or asked for by its number, is there in any case.
const rowsOf = (terms) => {
  const rows = terms.asns.filter(matches);
  const here = detail && detail.content.commitments.find((one) => one.terms.name === terms.name);
  const isWanted = here && (opened === terms.name + "/" + here.row.asn || soughtNumber() === here.row.asn);
  if (isWanted && !rows.some(({ asn }) => asn === here.row.asn)) rows.push(here.row);
  return rows;
};

const readLink = () => {
  const link = new URLSearchParams(location.hash.slice(1));
  const asn = (link.get("asn") || "").replace(/^AS/i, "");
  const at = link.get("at");
  moment = at && /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/.test(at) && !isNaN(Date.parse(at)) ? at : null;
  const names = state.commitments.map(({ name }) => name);
  const name = names.includes(link.get("commitment")) ? link.get("commitment") : names[0];
  opened = /^[0-9]{1,10}$/.test(asn) && name !== undefined ? name + "/" + Number(asn) : null;
};

// The address always leads a colleague to what is open.
const writeLink = () => {
  const place = opened ? opened.lastIndexOf("/") : 0;
  const link = opened ? "#" + new URLSearchParams({ commitment: opened.slice(0, place), asn: opened.slice(place + 1), ...(moment ? { at: moment } : {}) }).toString().replaceAll("%3A", ":") : location.pathname;
  history.replaceState(null, "", link);
};
