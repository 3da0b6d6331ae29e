/*
 * Hopseal's status page.  Read-only: it shows what /api/v1/ says and asks again
 * each 15 s.  What comes from outside becomes text, never markup: every element
 * is made by h(), which sets textContent.
 */
"use strict";

const EVERY_MS = 15000;
const LATE_MS = 20000;
const CHECK_LATE_MS = 100000;
const VERDICTS_MAX = 20;
const FRESH_MS = 60000;			/* for verdicts beside a list */

/* ------------------------------------------------------------- elements */

function h(name, properties, ...children) {
	const element = document.createElement(name);
	return fill(element, properties, children);
}

function s(name, properties, ...children) {
	return fill(document.createElementNS("http://www.w3.org/2000/svg", name),
	    properties, children);
}

function fill(element, properties, children) {
	for (const [key, value] of Object.entries(properties || {}))
		if (key.startsWith("on"))
			element.addEventListener(key.slice(2), value);
		else if (value !== null && value !== undefined && value !== false)
			element.setAttribute(key, value === true ? "" : value);
	for (const child of children.flat(3))
		if (child !== null && child !== undefined && child !== false)
			element.append(child);
	return element;
}

/* What cannot be seen, or turns the rest around, is shown by its number. */
const UNSEEN = /[\u0000-\u001f\u007f-\u00a0\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
const visible = text => String(text).replace(UNSEEN, c => "[U+" +
    c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0") + "]");

/* A stranger's name: its direction stays its own. */
const name = text => h("bdi", { dir: "ltr" }, visible(text));
const domainLink = domain => h("a", { href: domainHash(domain) }, name(domain));
const domainHash = domain => "#/domain/" + encodeURIComponent(domain);

const KINDS = {
	good: ["ok", "deliverable", "verified", "good"],
	warn: ["warning", "warnings", "degraded"],
	bad: ["critical", "undeliverable", "broken"],
};

function kindOf(word) {
	for (const [kind, words] of Object.entries(KINDS))
		if (words.includes(word))
			return kind;
	return "";
}

const SIGNS = { good: "\u2713", warn: "!", bad: "\u2717", "": "?" };

function mark(word, kind = kindOf(word)) {
	return h("span", { class: "mark " + kind },
	    h("span", { "aria-hidden": "true" }, SIGNS[kind], " "), word);
}

const finding = word => word === null || word === undefined ? "" :
    mark(word, word === "ok" ? "good" : word === "unknown" || word === "unreachable" ? "" : "bad");

/* --------------------------------------------------------- numbers, times */

const count = n => Number(n || 0).toLocaleString("en");

function percent(part, whole) {
	if (!whole)
		return null;
	const value = 100 * part / whole;
	/* Never 100 % while one is missing, never 0 % while one is there. */
	if (part < whole && value > 99.9)
		return "> 99.9";
	if (part > 0 && value < 0.1)
		return "< 0.1";
	return value.toFixed(value === 0 || value === 100 ? 0 : 1);
}

const short = time => time ? time.slice(0, 16).replace("T", " ") : "";

function when(time) {
	return time ? h("time", { datetime: time, title: time }, short(time)) :
	    h("span", { class: "quiet" }, "never");
}

function ago(ms) {
	const seconds = Math.max(0, Math.round(ms / 1000));
	if (seconds < 90)
		return seconds + " s";
	return seconds < 5400 ? Math.round(seconds / 60) + " min" :
	    Math.round(seconds / 3600) + " h";
}

const daysAgo = n => new Date(Date.now() - n * 86400000).toISOString().slice(0, 10);

/* -------------------------------------------------------------- sources */

const sources = new Map();	/* path -> {text, json, at, error} */

async function load(path, lateMs = LATE_MS) {
	const source = sources.get(path) || {};
	sources.set(path, source);
	try {
		const answer = await fetch(path, { signal: AbortSignal.timeout(lateMs) });
		const text = await answer.text();
		let json;
		try {
			json = JSON.parse(text);
		} catch (e) {
			throw new Error(answer.status === 401 ?
			    "the password is asked for again: reload the page" :
			    "no JSON came, but " + answer.status);
		}
		if (!answer.ok)
			throw Object.assign(new Error(json.error || "status " + answer.status),
			    { isAnswer: true });
		Object.assign(source, { text, json, at: Date.now(), error: null });
	} catch (e) {
		source.error = e.name === "TimeoutError" ? "no answer in time" : e.name ===
		    "TypeError" ? "policyd cannot be reached" : e.message;
		source.isAway = !e.isAnswer;
	}
	return source;
}

const today = () => daysAgo(0);
const PATHS = {
	status: "/api/v1/status",
	report: "/api/v1/report?top=200",
	days: "/api/v1/days",
	certs: "/api/v1/certificates",
	received: "/api/v1/received?since=" + daysAgo(29),
};

/* ------------------------------------------------------------------ cards */

/*
 * A card that is made of one source, in each of its states: loading, failed,
 * empty, there.  build returns its content, or a sentence when it is empty.
 */
function card(title, path, build, options = {}) {
	const source = sources.get(path) || {};
	let content;
	if (source.json) {
		content = build(source.json);
		if (typeof content === "string")
			content = h("p", { class: "empty" }, content);
	} else if (source.error)
		content = source.isAway && !isAway() ? null : h("p", { class: "empty" }, source.error);
	else
		content = h("p", { class: "loading" }, "Loading\u2026");
	const words = source.error && !isAway() && (source.json || source.isAway) ?
	    "Not read: " + source.error + (source.json ? "; from " + new Date(source.at)
	    .toISOString().slice(11, 19) : "") : null;
	return h("section", { class: "card " + (options.class || "") },
	    h("div", { class: "top" }, h("h2", {}, title),
	    source.json && options.rows ? saves(title, path, options.rows(source.json)) : null),
	    words ? h("p", { class: "failed" }, words) : null, content);
}

function table(columns, rows, options = {}) {
	return h("table", {}, options.caption ? h("caption", {}, options.caption) : null,
	    h("thead", {}, h("tr", {}, columns.map(c => h("th", { scope: "col",
	    class: c.number ? "number" : null }, c.title)))),
	    h("tbody", {}, rows.map(row => h("tr", {}, columns.map((c, i) => i === 0 ?
	    h("th", { scope: "row" }, c.show(row)) : h("td", { "data-name": c.title,
	    class: c.number ? "number" : null }, h("span", {}, c.show(row))))))));
}

/* --------------------------------------------------------- what is saved */

/* A cell that a spreadsheet would take for a formula stays a text. */
function cell(value) {
	let text = value === null || value === undefined ? "" :
	    typeof value === "object" ? JSON.stringify(value) : String(value);
	if (typeof value === "string" && /^[=+\-@\t\r]/.test(text))
		text = "'" + text;
	return /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
}

function csv(rows) {
	const columns = [...new Set(rows.flatMap(row => Object.keys(row)))];
	return [columns.join(","), ...rows.map(row => columns.map(c => cell(row[c]))
	    .join(","))].join("\r\n") + "\r\n";
}

function save(fileName, type, text) {
	const url = URL.createObjectURL(new Blob([text], { type }));
	const link = h("a", { href: url, download: fileName });
	link.click();
	setTimeout(() => URL.revokeObjectURL(url), 1000);
}

function saves(title, path, rows) {
	const base = "hopseal-" + title.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
	const offer = (word, type, text) => h("a", { href: path, download: base + "." +
	    word.toLowerCase(), "aria-label": title + " as " + word, onclick: e => {
		e.preventDefault();
		save(base + "." + word.toLowerCase(), type, text());
	} }, word);
	return h("span", { class: "saves" },
	    offer("CSV", "text/csv", () => csv(rows)),
	    offer("JSON", "application/json", () => sources.get(path).text));
}

/* ------------------------------------------------------------- overview */

const failing = report => report.domains.filter(d => d.failure > 0 || d.since);

function sum(days, direction) {
	const sums = { sessions: 0, encrypted: 0, verified: 0, failure: 0, clear: 0 };
	for (const day of days)
		for (const key of Object.keys(sums))
			sums[key] += day.directions ? day.directions[direction][key] : 0;
	return sums;
}

/* The one question: is mail leaving safely? */
function headline() {
	const status = (sources.get(PATHS.status) || {}).json;
	const report = (sources.get(PATHS.report) || {}).json;
	const certs = (sources.get(PATHS.certs) || {}).json;
	if (!status || !report)
		return h("section", { class: "card headline wide" }, h("h1", {},
		    "Is mail leaving safely?"), h("p", { class: "loading" },
		    sources.get(PATHS.status)?.error ? "Nobody says: " +
		    sources.get(PATHS.status).error : "Looking\u2026"));
	const bad = failing(report), out = report.totals;
	const critical = status.parts.filter(p => p.state === "critical");
	const lists = [...critical.map(p => [p.name + ": " + p.detail, p.advice])];
	let kind = "good", words = "Mail is leaving safely";
	if (certs && certs.overall === "broken")
		lists.push(["One of our own certificates is broken", "see Own certificates"]);
	if (report.our_certificate.length > 0)
		lists.push([count(report.our_certificate.reduce((n, r) => n + r.count, 0)) +
		    " handshakes in which a peer refused our certificate", "see Sessions"]);
	if (critical.length > 0)
		[kind, words] = ["bad", "Something here is not working"];
	else if (bad.length > 0)
		[kind, words] = ["bad", bad.length === 1 ? "Mail to one domain fails over TLS" :
		    "Mail to " + count(bad.length) + (bad.length === 200 ? " or more" : "") +
		    " domains fails over TLS"];
	else if (out.sessions === 0)
		[kind, words] = ["", "Nothing was sent, or nothing was recorded"];
	else if (lists.length > 0 || out.clear > 0)
		[kind, words] = ["warn", out.clear > 0 ? "Mail is leaving, some of it in clear" :
		    "Mail is leaving safely, with something to look at"];
	return h("section", { class: "card headline wide " + kind },
	    h("h1", {}, words), h("p", { class: "quiet" }, "Since yesterday 00:00: ",
	    count(out.sessions), " sessions to other hosts, ", count(out.encrypted),
	    " encrypted, ", count(out.failure), " failed."),
	    lists.length > 0 ? h("ul", {}, lists.map(([what, advice]) => h("li", {}, name(what),
	    advice ? h("span", { class: "quiet" }, " \u2014 ", advice) : null))) : null);
}

function share(title, part, whole, words) {
	const value = percent(part, whole);
	return h("div", { class: "share" }, h("h3", {}, title), h("div", { class: "big" },
	    value === null ? "\u2013" : [value, " %"], h("small", {}, " ", words)),
	    h("meter", { max: whole || 1, value: part, "aria-label": title + ", " + words },
	    value === null ? "none" : value + " %"),
	    h("div", { class: "quiet" }, whole ? count(part) + " of " + count(whole) +
	    " sessions" : "no session"));
}

/* The report is newer than the sums of days: both spans end with it. */
function shares(days) {
	const report = (sources.get(PATHS.report) || {}).json;
	const recent = report ? [report] : days.days.slice(-2);
	const spans = [["since yesterday", recent], ["30 days", [...days.days.slice(0, -2),
	    ...recent]]];
	return [days.is_complete ? null : h("p", { class: "loading" },
	    "Older days are still being counted\u2026"),
	    h("div", { class: "shares" },
	    [["out", "encrypted", "Sent, encrypted"], ["out", "verified", "Sent, verified"],
	    ["in", "encrypted", "Received, encrypted"]].map(([direction, key, title]) =>
	    spans.map(([words, span]) => {
		const sums = sum(span, direction);
		return share(title, sums[key], sums.sessions, words);
	    })))];
}

/* Verdicts are asked for beside the list, one after another. */
const verdicts = new Map();	/* domain -> {at, word} */

async function askVerdicts(report) {
	for (const row of failing(report).slice(0, VERDICTS_MAX)) {
		const known = verdicts.get(row.domain);
		if (row.domain.startsWith("(") || (known && Date.now() - known.at < FRESH_MS))
			continue;
		verdicts.set(row.domain, { ...known, at: Date.now() });
		const source = await load("/api/v1/explain?domain=" +
		    encodeURIComponent(row.domain));
		verdicts.set(row.domain, { at: Date.now(), word: source.json ?
		    source.json.verdict === "deliverable" && source.json.degraded ? "degraded" :
		    source.json.verdict : "unknown" });
		draw();
	}
}

const failingColumns = [
	{ title: "Domain", show: r => r.domain.startsWith("(") ? r.domain : domainLink(r.domain) },
	{ title: "Finding", show: r => h("span", { class: "marks" }, Object.keys(r.findings)
	    .map(finding)) },
	{ title: "Failed", number: true, show: r => count(r.failure) },
	{ title: "Succeeded", number: true, show: r => count(r.success) },
	{ title: "Since", show: r => when(r.since) },
	{ title: "Last", show: r => when(r.last) },
	{ title: "Next mail", show: r => mark(verdicts.get(r.domain)?.word || "\u2026") },
];

function failingDomains(report) {
	const rows = failing(report);
	if (rows.length === 0)
		return report.totals.sessions > 0 ? "No domain: every session since yesterday went " +
		    "as it should." : "No session was recorded since yesterday.";
	return [table(failingColumns, rows.slice(0, 50)), rows.length > 50 ? h("p", {},
	    h("a", { href: "#/sessions" }, "All of them")) : null,
	    report.note ? h("p", { class: "quiet" }, report.note) : null];
}

const certColumns = [
	{ title: "Certificate", show: c => [name(c.name), h("br"),
	    h("span", { class: "quiet code" }, name(c.file || c.sni || ""))] },
	{ title: "Days left", number: true, show: c => c.days === null ? "?" : count(c.days) },
	{ title: "Ends", show: c => when(c.not_after) },
	{ title: "Found", show: c => h("span", { class: "marks" },
	    (c.findings && c.findings.length ? c.findings : [c.finding]).map(finding)) },
	{ title: "Served on", show: c => (c.served || []).map(p => p.port + (p.sni ? " " +
	    p.sni : "")).join(", ") || "\u2013" },
];

const byDays = certs => [...certs.certificates].sort((a, b) => (a.days ?? -1) - (b.days ?? -1));

const hostColumn = { title: "Host", show: c => name(c.host) };

function certificates(certs) {
	const columns = certs.hosts.length > 1 ? [hostColumn, ...certColumns] : certColumns;
	if (certs.hosts.length === 0)
		return "They were not looked at yet.";
	return [certs.certificates.length > 0 ? table(columns, byDays(certs)) :
	    "None was found: Postfix has no certificate of its own.",
	    ...certs.hosts.filter(host => !host.heard).map(host => h("p", { class: "quiet" },
	    name(host.host), " was not heard of since ", when(host.seen_at)))];
}

function receivedSums(answer) {
	const sums = answer.totals, other = answer.unverified;
	if (!sums.reports && !other.reports)
		return "None came in 30 days. Publish a record at _smtp._tls with an address of " +
		    "report_addresses, and others will tell how mail reaches you.";
	return [h("p", {}, sums.reports === 1 ? "One verified report tells of " :
	    count(sums.reports) + " verified reports tell of ", count(sums.success), " sessions that went well and ", h("strong", {}, count(sums.failure), " that failed"),
	    "."), other.reports ? h("p", { class: "quiet" }, count(other.reports),
	    " more could not be verified and are in no sum.") : null,
	    Object.keys(sums.failures).length > 0 ? h("div", { class: "marks" },
	    Object.entries(sums.failures).map(([word, n]) => mark(word + " " + count(n),
	    "bad"))) : null, view === received ? null : h("p", {}, h("a",
	    { href: "#/received" }, "All reports"))];
}

const partColumns = [
	{ title: "Part", show: p => p.name },
	{ title: "State", show: p => mark(p.state) },
	{ title: "Detail", show: p => [name(p.detail), p.advice ? h("div", { class: "quiet" },
	    p.advice) : null] },
];

function troubles(status) {
	const rows = status.parts.filter(p => p.state !== "ok");
	return rows.length > 0 ? table(partColumns, rows) : "Every part is well.";
}

const overview = {
	title: "Overview",
	paths: () => Object.values(PATHS),
	then: () => sources.get(PATHS.report)?.json && askVerdicts(sources.get(PATHS.report).json),
	draw: () => h("div", { class: "cards" }, headline(),
	    card("Shares", PATHS.days, shares, { class: "wide", rows: days => dayRows(days, "out") }),
	    card("Failing domains", PATHS.report, failingDomains, { class: "wide", rows: failing }),
	    card("Own certificates", PATHS.certs, certificates, { class: "wide", rows: byDays }),
	    card("Parts to look at", PATHS.status, troubles, { rows: r => r.parts }),
	    card("Reports of others", PATHS.received, receivedSums, { rows: r => r.domains })),
};

/* ------------------------------------------------------------- sessions */

const choice = { direction: "out", day: "" };

function pick(label, key, options) {
	return h("div", { class: "marks", role: "group", "aria-label": label },
	    options.map(([value, words]) => h("button", { type: "button", id: key + "-" + value,
	    "aria-pressed": String(choice[key] === value), onclick: () => {
		choice[key] = value;
		refresh();
	    } }, words)));
}

function reportPath() {
	return "/api/v1/report?top=1000&direction=" + choice.direction +
	    (choice.day === "30" ? "&since=" + daysAgo(29) : choice.day ? "&day=" + choice.day : "");
}

const LAYERS = [["verified", "verified"], ["encrypted", "encrypted, not verified"],
    ["unknown", "unknown"], ["clear", "in clear"], ["broken", "failed"]];

/* What a day's sessions were, each once. */
function layers(sums) {
	const verified = Math.min(sums.verified, sums.sessions);
	const encrypted = Math.max(0, Math.min(sums.encrypted, sums.sessions) - verified);
	const failed = Math.min(sums.failure, sums.sessions - verified - encrypted);
	const clear = Math.min(sums.clear, sums.sessions - verified - encrypted - failed);
	return { verified, encrypted, clear, broken: failed,
	    unknown: sums.sessions - verified - encrypted - failed - clear };
}

function dayRows(days, direction) {
	return days.days.filter(d => d.directions).map(d => ({ day: d.day,
	    ...d.directions[direction] }));
}

/* As wide as there is room, so that its words stay readable. */
const chartWidth = () => Math.max(260, document.getElementById("main").clientWidth - 40);

function chart(days) {
	const rows = days.days.map(d => ({ day: d.day, sums: d.directions?.[choice.direction] }));
	const top = Math.max(...rows.map(r => r.sums ? r.sums.sessions : 0));
	if (top === 0)
		return "No session in 30 days.";
	const width = chartWidth(), height = 200, left = 56, step = (width - left) / rows.length;
	const scale = v => v / top * (height - 10);
	const bars = rows.map((row, i) => {
		if (!row.sums)
			return null;
		const parts = layers(row.sums);
		let y = height;
		return s("g", {}, s("title", {}, row.day + ": " + count(row.sums.sessions) +
		    " sessions, " + LAYERS.map(([key, words]) => count(parts[key]) + " " + words)
		    .join(", ")), LAYERS.map(([key]) => {
			const size = scale(parts[key]);
			y -= size;
			return size > 0 ? s("rect", { class: key, x: left + i * step + 2,
			    y, width: step - 4, height: Math.max(size, 1) }) : null;
		}));
	});
	return [s("svg", { class: "chart", viewBox: "0 0 " + width + " " + (height + 24),
	    role: "img", "aria-label": "Sessions by day; the table below says the same" },
	    [0, 0.5, 1].map(part => [s("line", { x1: left, x2: width, y1: height - scale(part * top),
	    y2: height - scale(part * top) }), s("text", { x: left - 6, y: height + 4 -
	    scale(part * top), "text-anchor": "end" }, count(Math.round(part * top)))]), bars,
	    rows.map((row, i) => (rows.length - 1 - i) % 7 === 0 ? s("text", { x: left + (i + 0.5) *
	    step, y: height + 18, "text-anchor": i > rows.length - 3 ? "end" : "middle" },
	    row.day.slice(5)) : null)),
	    h("ul", { class: "legend" }, LAYERS.map(([key, words]) => h("li", {}, h("i",
	    { class: key }), words))),
	    h("details", { id: "days-table" }, h("summary", {}, "As a table"), table([
		{ title: "Day", show: r => r.day },
		...[["sessions", "Sessions"], ["encrypted", "Encrypted"], ["verified", "Verified"],
		    ["clear", "In clear"], ["failure", "Failed"]].map(([key, title]) => ({ title,
		    number: true, show: r => count(r[key]) })),
	    ], dayRows(days, choice.direction).reverse().filter(r => r.sessions > 0)))];
}

const words = object => Object.entries(object || {}).map(([word, n]) => word + " " + count(n))
    .join(", ");

const domainColumns = [
	{ get title() { return choice.direction === "out" ? "Domain" : "Network"; },
	    show: r => choice.direction !== "out" || r.domain.startsWith("(") ?
	    name(r.domain) : domainLink(r.domain) },
	{ title: "Policy", show: r => r.policy || "\u2013" },
	{ title: "Succeeded", number: true, show: r => count(r.success) },
	{ title: "Unverified", number: true, show: r => count(r.unknown) },
	{ title: "In clear", number: true, show: r => count(r.clear) },
	{ title: "Failed", number: true, show: r => count(r.failure) },
	{ title: "Findings", show: r => h("span", { class: "marks" }, Object.keys(r.findings)
	    .map(finding)) },
	{ title: "Since", show: r => r.since ? when(r.since) : "" },
];

function domains(report) {
	if (report.domains.length === 0)
		return "No session was recorded.";
	const more = report.domain_count - report.domains.length;
	return [table(domainColumns, report.domains), more > 0 ? h("p", { class: "quiet" },
	    "And " + count(more) + " more: hopseal report shows them, or ask for fewer days.") :
	    null, report.note ? h("p", { class: "quiet" }, report.note) : null];
}

function refusals(report) {
	return report.our_certificate.length > 0 ? table([
		{ title: "Host", show: r => name(r.host || r.address || "?") },
		{ title: "Service", show: r => r.service || "" },
		{ title: "It said", show: r => name(r.reason || "") },
		{ title: "Count", number: true, show: r => count(r.count) },
		{ title: "Last", show: r => when(r.last) },
	], report.our_certificate) : "Nobody refused it.";
}

const sessions = {
	title: "Sessions",
	paths: () => [PATHS.days, reportPath()],
	draw: () => [h("h1", {}, "Sessions"), h("div", { class: "bar" },
	    pick("Direction", "direction", [["out", "Sent"], ["in", "Received"]]),
	    pick("Days", "day", [["", "Since yesterday"], [today(), "Today"], ["30", "30 days"]])),
	    h("div", { class: "cards" },
	    card("By day", PATHS.days, chart, { class: "wide",
	    rows: days => dayRows(days, choice.direction) }),
	    card("By domain", reportPath(), domains, { class: "wide", rows: r => r.domains }),
	    card("TLS versions", reportPath(), r => words(r.totals.protocols) || "None was seen.",
	    { rows: r => Object.entries(r.totals.protocols).map(([protocol, n]) => ({ protocol,
	    sessions: n })) }),
	    card("Peers that refused our certificate", reportPath(), refusals,
	    { rows: r => r.our_certificate }))],
};

/* -------------------------------------------------------- reports of others */

const reportColumns = [
	{ title: "From", show: r => name(r.organization || r.submitter || "?") },
	{ title: "For", show: r => [...new Set(r.policies.map(p => p.domain))].map(d =>
	    h("div", {}, name(d || "?"))) },
	{ title: "Verified", show: r => r.verified ? mark("verified") : mark("not verified", "warn") },
	{ title: "Until", show: r => when(r.end) },
	{ title: "Succeeded", number: true, show: r => count(r.policies.reduce((n, p) => n +
	    p.success, 0)) },
	{ title: "Failed", number: true, show: r => count(r.policies.reduce((n, p) => n +
	    p.failure, 0)) },
	{ title: "Why", show: r => [...new Set(r.policies.flatMap(p => p.failures.map(f =>
	    f.result_type)))].map(word => mark(word || "?", "bad")) },
];

const received = {
	title: "Reports",
	paths: () => [PATHS.received],
	draw: () => [h("h1", {}, "What others report of us"), h("div", { class: "cards" },
	    card("Thirty days", PATHS.received, receivedSums, { class: "wide",
	    rows: r => r.domains }),
	    card("Reports received", PATHS.received, r => r.reports.length > 0 ?
	    table(reportColumns, r.reports) : "None came in 30 days.",
	    { class: "wide", rows: r => r.reports }))],
};

/* ---------------------------------------------------------------- system */

function counters(status) {
	return h("details", { id: "counters" }, h("summary", {}, "Show all"), h("dl", {},
	    Object.entries(status.counters).map(([key, value]) => [h("dt", {}, key),
	    h("dd", {}, count(value))])));
}

const system = {
	title: "System",
	paths: () => [PATHS.status, PATHS.certs, PATHS.report],
	draw: () => [h("h1", {}, "System"), h("div", { class: "cards" },
	    card("Parts", PATHS.status, r => table(partColumns, r.parts), { class: "wide",
	    rows: r => r.parts }),
	    card("Own certificates", PATHS.certs, certificates, { class: "wide", rows: byDays }),
	    card("Peers that refused our certificate", PATHS.report, refusals,
	    { class: "wide", rows: r => r.our_certificate }),
	    card("Counters", PATHS.status, counters, { class: "wide", rows: r =>
	    Object.entries(r.counters).map(([counter, value]) => ({ counter, value })) }))],
};

/* ------------------------------------------------------- a domain's page */

const explainPath = domain => "/api/v1/explain?domain=" + encodeURIComponent(domain);
const checkPath = domain => "/api/v1/check?domain=" + encodeURIComponent(domain);
const domainReportPath = domain => "/api/v1/report?since=" + daysAgo(29) + "&domain=" +
    encodeURIComponent(domain);

function facts(pairs) {
	return h("dl", {}, pairs.filter(([, value]) => value !== null && value !== undefined &&
	    value !== "").map(([key, value]) => [h("dt", {}, key), h("dd", {}, value)]));
}

function verdict(e) {
	return [h("p", { class: "marks" }, mark(e.verdict), e.degraded ? mark("degraded") : null,
	    e.finding && e.finding !== "ok" ? finding(e.finding) : null),
	    facts([["Why", e.reason && name(e.reason)], ["Policy", e.policy],
	    ["Rule", e.rule && h("span", { class: "code" }, e.rule + (e.rule_line ? "  (line " +
	    e.rule_line + ")" : ""))],
	    ["At intake", e.action],
	    ["The map answers", h("span", { class: "code" }, e.map.QUERY)],
	    ["The policy service", e.access && h("span", { class: "code" }, e.access)],
	    ["Next hop", e.route && e.route.next_hops ? e.route.next_hops.join(", ") + " (" +
	    e.route.because + ")" : e.next_hop],
	    ["DANE", e.dane.state + (e.dane.error ? ": " + e.dane.error : "")],
	    ["MTA-STS", e.mta_sts.state + (e.mta_sts.mode ? ", " + e.mta_sts.mode : "") +
	    (e.mta_sts.error ? ": " + e.mta_sts.error : "")],
	    ["Warnings", (e.warnings || []).length > 0 ? e.warnings.map(w => h("div", {},
	    typeof w === "string" ? w : w.words || JSON.stringify(w))) : null]])];
}

const hostColumns = [
	{ title: "Host", show: r => [name(r.host), r.in_policy === false ?
	    [" ", mark("not in policy", "bad")] : null] },
	{ title: "Preference", number: true, show: r => r.preference },
	{ title: "Address", show: r => name(r.address || "\u2013") },
	{ title: "Found", show: r => finding(r.finding) },
	{ title: "Seen", show: r => r.time ? when(r.time) : "not yet" },
	{ title: "Certificate ends", show: r => r.not_after ? when(r.not_after) : "" },
	{ title: "In its words", show: r => name(r.reason || r.error || "") },
];

/* A row for each address, and one for a host without any. */
function hostRows(e) {
	return e.hosts.flatMap(host => host.addresses.length > 0 ? host.addresses.map(a =>
	    ({ ...host, ...a, addresses: undefined })) : [{ ...host, addresses: undefined }]);
}

function timeline(e, report) {
	const events = [[e.mx && e.mx.learned, "MX records learned"],
	    [e.mta_sts.record_learned, "MTA-STS record looked up" + (e.mta_sts.record_id ?
	    ", id " + e.mta_sts.record_id : "")],
	    [e.mta_sts.fetched, "MTA-STS policy fetched"],
	    [e.mta_sts.expires, "MTA-STS policy expires"],
	    [e.dane.learned, "TLSA records learned"], [e.refresh_at, "to be looked up again"],
	    [e.mta_sts.fetch_failed && e.mta_sts.fetch_failed.time,
	    "policy could not be fetched: " + e.mta_sts.fetch_failed?.finding],
	    ...hostRows(e).flatMap(r => [[r.time, r.host + " seen: " + r.finding],
	    [r.not_after, "certificate of " + r.host + " ends"]]),
	    ...(report ? report.domains : []).flatMap(r => [[r.since, "first failure: " +
	    Object.keys(r.findings).join(", ")], [r.last, "last failure"]])]
	    .filter(([time]) => time).sort((a, b) => a[0] < b[0] ? -1 : 1);
	return events.length > 0 ? h("ol", { class: "timeline" }, events.map(([time, what]) =>
	    h("li", {}, when(time), name(what)))) : "Nothing is known yet.";
}

function domainSessions(report) {
	return report.domains.length > 0 ? [table([
		{ title: "Policy", show: r => r.policy || "\u2013" },
		...domainColumns.slice(2),
		{ title: "In Postfix's words", show: r => Object.entries(r.reasons).map(([text, n]) =>
		    h("div", {}, name(text), " (" + count(n) + ")")) },
	], report.domains)] : "No session in 30 days.";
}

function checked(check) {
	return [h("p", { class: "marks" }, mark(check.overall), check.findings.map(finding)),
	    h("ul", {}, check.problems.map(p => h("li", {}, p.host ? [name(p.host), ": "] : null,
	    name(p.reason || p.finding), h("span", { class: "quiet" }, " \u2014 ", p.advice)))),
	    h("p", { class: "quiet" }, "Looked at ", when(check.time))];
}

const checking = new Set();

function checkCard(domain) {
	const path = checkPath(domain), source = sources.get(path);
	const button = h("button", { id: "check", disabled: checking.has(domain),
	    onclick: async () => {
		checking.add(domain);
		draw();
		await load(path, CHECK_LATE_MS);
		checking.delete(domain);
		draw();
	    } }, checking.has(domain) ? "Looking, up to 90 s\u2026" : "Look from outside now");
	return h("section", { class: "card wide" }, h("div", { class: "top" },
	    h("h2", {}, "A full look from outside"), source?.json ? saves("check-" + domain, path,
	    source.json.problems) : null), h("p", {}, button), h("div", { "aria-live": "polite" },
	    source?.json ? checked(source.json) : source?.error ? h("p", { class: "failed" },
	    source.error) : h("p", { class: "quiet" }, "Every MX with and without SNI, chains, " +
	    "protocols, MTA-STS, TLS-RPT and TLSA, as hopseal check does.")));
}

const domainView = domain => ({
	title: domain,
	paths: () => [explainPath(domain), domainReportPath(domain)],
	draw: () => [h("h1", {}, name(domain)), h("div", { class: "cards" },
	    card("Would the next mail be delivered?", explainPath(domain), verdict,
	    { rows: e => [e] }),
	    card("Timeline", explainPath(domain), e => timeline(e,
	    sources.get(domainReportPath(domain))?.json)),
	    card("Hosts", explainPath(domain), e => e.hosts.length > 0 ? table(hostColumns,
	    hostRows(e)) : "No host is known.", { class: "wide", rows: hostRows }),
	    card("Sessions of 30 days", domainReportPath(domain), domainSessions,
	    { class: "wide", rows: r => r.domains }), checkCard(domain))],
});

/* --------------------------------------------------------------- the frame */

const VIEWS = { "": overview, sessions, received, system };
let view = overview, timer = 0, drawn = 0;

function route() {
	const [, first = "", ...rest] = location.hash.split("/");
	let domain = rest.join("/");
	try {
		domain = decodeURIComponent(domain);
	} catch (e) {
		/* as it stands */
	}
	return first === "domain" && domain ? domainView(domain) : VIEWS[first] || overview;
}

/* Draws anew, and leaves focus, what is open, and the place on the page. */
function draw() {
	const main = document.getElementById("main");
	const focused = document.activeElement?.id;
	const open = [...main.querySelectorAll("details[open]")].map(d => d.id);
	drawn = Date.now();
	main.replaceChildren(...[view.draw()].flat());
	for (const id of open)
		document.getElementById(id)?.setAttribute("open", "");
	if (focused && focused !== "main" && main.querySelector("#" + CSS.escape(focused)))
		document.getElementById(focused).focus({ preventScroll: true });
	showFreshness();
}

/* Nobody answers: said once above, not in each card. */
function isAway() {
	const known = view.paths().map(path => sources.get(path)).filter(Boolean);
	return known.length > 0 && known.every(source => source.error && source.isAway);
}

function showFreshness() {
	const known = view.paths().map(path => sources.get(path)).filter(Boolean);
	const at = Math.min(...known.map(source => source.at || Date.now()));
	const stale = document.getElementById("stale");
	const text = !isAway() ? "" : "Policyd does not answer. " + (known.some(source =>
	    source.at) ? "What stands here is " + ago(Date.now() - at) + " old; it" : "It") +
	    " is asked again by itself.";
	if (stale.textContent !== text)
		stale.textContent = text;
	document.getElementById("freshness").textContent = known.some(source => source.at) ?
	    "Updated " +
	    ago(Date.now() - at) + " ago" : "";
}

async function refresh() {
	const shown = view;
	clearTimeout(timer);
	if (sources.size === 0 || view.paths().some(path => !sources.has(path)))
		draw();
	const before = JSON.stringify(view.paths().map(path => sources.get(path)?.text));
	const errors = view.paths().map(path => sources.get(path)?.error).join();
	await Promise.all(view.paths().map(path => load(path)));
	if (shown !== view)
		return;
	/* Whoever is marking text shall keep it. */
	if (!drawn || (getSelection().isCollapsed && (before !== JSON.stringify(view.paths().map(path => sources.get(path)?.text)) ||
	    errors !== view.paths().map(path => sources.get(path)?.error).join())))
		draw();
	showFreshness();
	if (view.then)
		view.then();
	const isCounting = sources.get(PATHS.days)?.json?.is_complete === false;
	clearTimeout(timer);
	timer = setTimeout(tick, isCounting && view.paths().includes(PATHS.days) ? 1000 : EVERY_MS);
}

/* Nobody looks: nobody is asked. */
function tick() {
	if (document.hidden)
		timer = setTimeout(tick, 1000);
	else
		refresh();
}

function show(isFirst) {
	view = route();
	document.title = (view === overview ? "" : view.title + " \u2013 ") + "Hopseal";
	for (const link of document.querySelectorAll("nav a"))
		if (VIEWS[link.hash.slice(2)] === view)
			link.setAttribute("aria-current", "page");
		else
			link.removeAttribute("aria-current");
	draw();
	if (!isFirst) {
		scrollTo(0, 0);
		document.getElementById("main").focus({ preventScroll: true });
	}
	refresh();
}

document.getElementById("search").addEventListener("submit", e => {
	e.preventDefault();
	const domain = document.getElementById("domain").value.trim();
	if (domain)
		location.hash = domainHash(domain);
});
document.querySelector(".skip").addEventListener("click", e => {
	e.preventDefault();
	document.getElementById("main").focus();
});
addEventListener("hashchange", () => show(false));
document.addEventListener("visibilitychange", () => document.hidden || refresh());
let width = innerWidth;
addEventListener("resize", () => {
	if (width !== innerWidth)
		draw();
	width = innerWidth;
});
setInterval(showFreshness, 5000);
show(true);
