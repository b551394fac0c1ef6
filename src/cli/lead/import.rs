//! `lead import`: reading, checking and committing go on side by side; what is durable is noted batch by batch.

use std::{
    path::PathBuf,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::{Stream, StreamExt, stream};
use serde_json::{Map, Value, json};
use tokio::{sync::mpsc, task::spawn_blocking};

use super::{
    Import,
    check::{Batch, Fate, Plan},
    columns::Columns,
    dry_run::DryRun,
    position::{Counts, Position, Settings},
    rejected::Rejected,
    sheet::{Place, Sheet},
};
use crate::{
    app::{
        clock::{Clock, instant},
        committer::{Done, Failure, LeadWork, Work},
        directory::Account,
    },
    cli::{
        desk::Desk,
        meter::{Meter, note},
        output,
        serve::stop_signal,
    },
    config::Config,
    domain::lead::{Asked, Field},
};

/// Chunks that are read ahead.
const AHEAD: usize = 2;
/// Chunks that are checked at the same time.
const CHECKED: usize = 2;
/// Batches that are handed in and not yet durable.
const HANDED_IN: usize = 4;
/// Resolves when the operator wants an end.
type Stop = Pin<Box<dyn Future<Output = ()>>>;

/// Rejected rows that a dry run names.
const NAMED: usize = 10;

impl Import {
    pub(super) async fn run(self, config: &Config, json: bool) -> anyhow::Result<()> {
        let sheet = Sheet::open(&self.file)?;
        let desk = Desk::open(config, &self.account).await?;
        let done = self.with(&desk, &sheet, json).await;
        desk.close().await;
        output::record(json, &done?)
    }

    async fn with(&self, desk: &Desk, sheet: &Sheet, json: bool) -> anyhow::Result<Value> {
        let (mut plan, settings) = self.plan(&desk.account, sheet)?;
        if !json {
            let named: Vec<String> = plan.columns.taken.iter().map(|(name, field)| format!("{name} → {field}")).collect();
            note(&format!("columns: {}", named.join(", ")));
        }
        if !plan.columns.ignored.is_empty() {
            note(&format!("ignored columns: {}", plan.columns.ignored.join(", ")));
        }
        if self.dry_run {
            return self.try_out(desk, sheet, plan).await;
        }
        // from here on an interruption waits for what is under way
        let stop: Stop = Box::pin(stop_signal()?);
        let path = self.file.with_extension("progress.json");
        let mut position = match self.position(&path, sheet, settings)? {
            position if position.finished => {
                note(&format!("{} was imported already; --restart imports it again", self.file.display()));
                return Ok(summary(&position.counts, &plan, rejected_file(&position)));
            }
            position => position,
        };
        plan.key = position.key();
        let rejected = Rejected::open(position.settings.rejected.clone(), sheet, position.rejected_bytes)?;
        // batches are handed in before the next note: who goes on from here must know that
        position.settled = false;
        position.written_at = Clock::System.now();
        position.write(&path)?;
        Run { desk, path, position, rejected, plan: Arc::new(plan) }.go(sheet, stop).await
    }

    /// What holds for every row, and what another run must have in common with this one to go on from its place.
    fn plan(&self, account: &Arc<Account>, sheet: &Sheet) -> anyhow::Result<(Plan, Settings)> {
        let (mut given, mut fixed) = (Map::new(), vec![]);
        if let Some(name) = &self.campaign {
            let known = account.setup.campaigns.entry(name);
            let (name, campaign) = known.ok_or_else(|| {
                anyhow::anyhow!("there is no campaign {name:?} in {:?}: list them with `cti-gateway campaign list`", account.name)
            })?;
            given.insert(Field::Campaign.row().native.to_owned(), json!(name));
            fixed.push(Field::Campaign);
            if let Some(wanted) = &self.subcampaign {
                let same = |known: &&String| known.trim().to_lowercase() == wanted.trim().to_lowercase();
                let part = campaign.subcampaigns.iter().find(same);
                let part = part.ok_or_else(|| {
                    anyhow::anyhow!("the campaign {name:?} has no subcampaign {wanted:?}; it has {:?}", campaign.subcampaigns)
                })?;
                given.insert(Field::Subcampaign.row().native.to_owned(), json!(part));
                fixed.push(Field::Subcampaign);
            }
        }
        let columns = Columns::of(&sheet.header, &self.maps, account, &fixed)?;
        let text = |field: Field| given.get(field.row().native).and_then(Value::as_str).map(str::to_owned);
        let settings = Settings {
            account: account.name.clone(),
            campaign: text(Field::Campaign),
            subcampaign: text(Field::Subcampaign),
            columns: columns.taken.clone(),
            duplicates: self.duplicates.into(),
            hot: self.hot,
            rejected: self.rejected.clone().unwrap_or_else(|| self.file.with_extension("rejected.csv")),
        };
        let asked = Asked { duplicates_check: self.duplicates.into(), import_only: !self.hot, ..Asked::default() };
        Ok((Plan { account: account.clone(), columns, given, asked, key: String::new() }, settings))
    }

    /// Where to go on, or to begin.
    fn position(&self, path: &std::path::Path, sheet: &Sheet, settings: Settings) -> anyhow::Result<Position> {
        let now = Clock::System.now();
        let before = if self.restart { None } else { Position::read(path)? };
        match before {
            Some(before) if before.finished && (before.file != sheet.identity || before.settings != settings) => {}
            Some(before) if before.finished => return Ok(before),
            Some(before) => {
                let (row, place) = (before.reached.row, path.display());
                before.suits(&sheet.identity, &settings, now).map_err(|why| {
                    anyhow::anyhow!(
                        "an import of {} was interrupted at row {row} ({place}), and {why}: begin anew with --restart",
                        self.file.display()
                    )
                })?;
                note(&format!("going on after row {row}"));
                return Ok(before);
            }
            None => {}
        }
        if let Some(file) = &self.rejected {
            anyhow::ensure!(self.restart || !file.exists(), "--rejected {}: this file exists already", file.display());
        }
        let run = if self.restart { Clock::System.id().simple().to_string() } else { String::new() };
        Ok(Position::begin(sheet.identity.clone(), settings, sheet.begin, run, now))
    }

    /// Reads and checks everything and stores nothing.
    async fn try_out(&self, desk: &Desk, sheet: &Sheet, plan: Plan) -> anyhow::Result<Value> {
        let mut rejected = match &self.rejected {
            Some(file) => {
                anyhow::ensure!(!file.exists(), "--rejected {}: this file exists already", file.display());
                Some(Rejected::open(file.clone(), sheet, 0)?)
            }
            None => None,
        };
        let plan = Arc::new(plan);
        let mut dry_run = DryRun::new(self.duplicates.into());
        let (mut counts, mut meter, mut named) = (Counts::default(), Meter::start(sheet.identity.length, "rows"), vec![]);
        let mut batches = std::pin::pin!(batches(sheet, sheet.begin, plan.clone(), Arc::default())?);
        while let Some(batch) = batches.next().await {
            let batch = batch?;
            let fates = dry_run.fates(desk, &batch).await?;
            counts.add(&fates);
            meter.show(batch.chunk.end.byte, counts.rows);
            for (row, fate) in batch.chunk.rows.iter().zip(&fates) {
                if let (Fate::Rejected(why) | Fate::Duplicate(why), true) = (fate, named.len() < NAMED) {
                    named.push(format!("row {}: {why}", row.number));
                }
            }
            if let Some(rejected) = &mut rejected {
                rejected.write(&batch.chunk, &fates)?;
            }
        }
        meter.end();
        named.iter().for_each(|line| note(line));
        let mut shown = summary(&counts, &plan, rejected.as_ref().and_then(Rejected::path));
        shown["dryRun"] = json!(true);
        Ok(shown)
    }
}

/// An import under way.
struct Run<'a> {
    desk: &'a Desk,
    path: PathBuf,
    position: Position,
    rejected: Rejected,
    plan: Arc<Plan>,
}

impl Run<'_> {
    async fn go(mut self, sheet: &Sheet, mut stop: Stop) -> anyhow::Result<Value> {
        let mut meter = Meter::start(sheet.identity.length, "rows");
        meter.resume(self.position.reached.byte, self.position.counts.rows);
        let (began, before) = (instant(), self.position.counts.rows);
        let stopping = Arc::new(AtomicBool::new(false));
        let (desk, plan) = (self.desk, self.plan.clone());
        let handed_in = batches(sheet, self.position.reached, plan, stopping.clone())?.map(|batch| hand_in(desk, batch));
        let mut durable = std::pin::pin!(handed_in.buffered(HANDED_IN));
        let mut trouble = None;
        loop {
            let done = tokio::select! {
                done = durable.next() => done,
                () = &mut stop => {
                    // what was handed in is waited for; who cannot wait says so once more
                    anyhow::ensure!(!stopping.swap(true, Ordering::Relaxed), "stopped at once: the same command goes on");
                    stop = Box::pin(stop_signal()?);
                    continue;
                }
            };
            match (done, &trouble) {
                (None, _) => break,
                (Some(_), Some(_)) => {} // nothing is noted behind a gap; a later run finds out what is stored
                (Some(Ok((batch, fates))), None) => {
                    if let Err(error) = self.note(&batch, &fates) {
                        trouble = Some(error);
                    }
                    meter.show(self.position.reached.byte, self.position.counts.rows);
                }
                (Some(Err(error)), None) => trouble = Some(error),
            }
            if trouble.is_some() {
                stopping.store(true, Ordering::Relaxed);
            }
        }
        meter.end();
        let row = self.position.reached.row;
        if let Some(error) = trouble {
            return Err(error.context(format!("stopped after row {row}; the same command goes on from there")));
        }
        self.position.settled = true;
        self.position.finished = !stopping.load(Ordering::Relaxed);
        self.position.write(&self.path)?;
        anyhow::ensure!(self.position.finished, "interrupted after row {row}; the same command goes on from there");
        let mut shown = summary(&self.position.counts, &self.plan, self.rejected.path());
        let seconds = began.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate to be shown")]
        let rate = (self.position.counts.rows - before) as f64 / seconds.max(0.001);
        shown["seconds"] = json!((seconds * 100.0).round() / 100.0);
        shown["rowsPerSecond"] = json!(rate.round());
        Ok(shown)
    }

    /// Notes what is durable: first the rejected rows, then the place.
    fn note(&mut self, batch: &Batch, fates: &[Fate]) -> anyhow::Result<()> {
        self.rejected.write(&batch.chunk, fates)?;
        self.position.counts.add(fates);
        self.position.reached = batch.chunk.end;
        self.position.rejected_bytes = self.rejected.length();
        self.position.settled = false;
        self.position.written_at = Clock::System.now();
        self.position.write(&self.path)
    }
}

/// The chunks of a file from a place on, read and checked ahead.
fn batches(
    sheet: &Sheet,
    from: Place,
    plan: Arc<Plan>,
    stopping: Arc<AtomicBool>,
) -> anyhow::Result<impl Stream<Item = anyhow::Result<Batch>>> {
    let mut rows = sheet.rows(from)?;
    let (sender, mut chunks) = mpsc::channel(AHEAD);
    spawn_blocking(move || {
        while !stopping.load(Ordering::Relaxed)
            && let Some(chunk) = rows.next_chunk().transpose()
        {
            let failed = chunk.is_err();
            if sender.blocking_send(chunk).is_err() || failed {
                return;
            }
        }
    });
    let check = move |chunk: anyhow::Result<_>| {
        let plan = plan.clone();
        async move {
            let chunk = chunk?;
            Ok(spawn_blocking(move || plan.check(chunk)).await?)
        }
    };
    Ok(stream::poll_fn(move |context| chunks.poll_recv(context)).map(check).buffered(CHECKED))
}

/// Hands a batch in and waits until it is durable. One that was stored by an earlier run gets the answer that it got then.
async fn hand_in(desk: &Desk, batch: anyhow::Result<Batch>) -> anyhow::Result<(Batch, Vec<Fate>)> {
    let mut batch = batch?;
    let orders = std::mem::take(&mut batch.orders);
    if orders.is_empty() {
        let fates = batch.fates([]);
        return Ok((batch, fates));
    }
    let rows = format!("rows {} to {}", batch.chunk.first, batch.chunk.end.row);
    let work = LeadWork { orders, once: Some(batch.once.clone()), ..LeadWork::default() };
    let done = desk.submit(Work::Leads(work)).await.map_err(|failure| match failure {
        Failure::KeyReused => anyhow::anyhow!(
            "{rows} were stored by an earlier run, when the file or the account's setup was another: begin anew with --restart"
        ),
        failure => anyhow::Error::new(failure).context(rows),
    })?;
    let Done::Leads(done) = done else { anyhow::bail!("the committer answered something else") };
    let fates = batch.fates(done.told.into_iter().map(|told| Fate::from(told.done)));
    Ok((batch, fates))
}

fn rejected_file(position: &Position) -> Option<&PathBuf> {
    (position.rejected_bytes > 0).then_some(&position.settings.rejected)
}

fn summary(counts: &Counts, plan: &Plan, rejected: Option<&PathBuf>) -> Value {
    let Counts { rows, stored, duplicates, rejected: wrong } = counts;
    json!({"rows": rows, "stored": stored, "duplicates": duplicates, "rejected": wrong, "rejectedFile": rejected, "ignored": plan.columns.ignored})
}
