/**
 * Shows every `<time>` as the person's clock and language do; without this script it stays in UTC.
 */
const NEAR = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

for (const time of document.querySelectorAll("time")) {
  const instant = new Date(time.dateTime);
  if (Number.isNaN(instant.getTime())) continue;
  time.title = time.textContent ?? "";
  time.textContent = NEAR.format(instant);
}
