//! Arguments of commands that make a run from settings. A setting that has a flag is one entry in the command's table: from it come
//! the argument, its help, its layer and its conflict with `--resume`.

use std::marker::PhantomData;
use std::path::PathBuf;

use affekt_engine::backend::Team;
use affekt_engine::learn::RunIdentity;
use affekt_engine::world::RunFolder;
use anyhow::anyhow;
use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueEnum, value_parser};
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::Value;

use super::processes;
use super::values::BatchNormArg;
use crate::failure::Failure;
use affekt_engine::world::config::{LayerError, Layers, Presets};

/// Settings with flags for some of them.
pub trait Flagged: Presets + Serialize {
    /// Help of `--preset` and of `--set`.
    const HELP: [&str; 2];
    /// How a new run begins where this one ended, after `affekt COMMAND `; `RUN` stands for its folder.
    const ONWARDS: &str;
    /// Flags by the heading they stand under. The last group is that of `--out` and `--resume`.
    const FLAGS: &[(Option<&str>, &[SettingFlag])];

    /// Takes over from the settings of a run's folder what does not tell two runs apart: what really computes it, and how.
    fn take_over(&mut self, begun: &Self);
}

/// A flag that stands for a setting.
#[derive(Debug, Clone, Copy)]
pub struct SettingFlag {
    /// Its name, without the dashes.
    name: &'static str,
    /// The setting's path.
    key: &'static str,
    kind: Kind,
    help: &'static str,
    /// Another way to spell it.
    alias: Option<&'static str>,
}

/// What a flag takes: most with the name of the value in the help.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Text(&'static str),
    /// Any number of texts.
    Texts(&'static str),
    /// A whole number from 0 up.
    Whole(&'static str),
    Number(&'static str),
    /// A whole number where it is one, else text.
    NumberOrText(&'static str),
    /// Nothing: it is there or not.
    Switch,
    /// The same, for a setting that it switches off.
    SwitchOff,
    /// One of some names.
    OneOf(&'static str, fn() -> Vec<PossibleValue>),
}

/// The flag `--seed`.
pub const SEED: SettingFlag =
    flag("seed", "seed", Kind::Whole("N"), "Everything random follows from it, 0 to 2^63 - 1 [default: 1]");

/// The flag `--keep-every`.
pub const KEEP_EVERY: SettingFlag = flag(
    "keep-every",
    "keep_every",
    Kind::Whole("STEPS"),
    "Steps between checkpoints that are kept for good, beside the last two and the best; 0 keeps none [default: 0]",
);

/// The flag `--replicas`.
pub const REPLICAS: SettingFlag = flag(
    "replicas",
    "replicas",
    Kind::Whole("N"),
    "Copies of each network that learn together, each from its part of every batch; as many processes as divide them compute the \
     same, bit for bit [default: one for each process]",
);

/// The flag `--batch-norm`.
pub const BATCH_NORM: SettingFlag = flag(
    "batch-norm",
    "batch_norm",
    Kind::OneOf("HOW", names::<BatchNormArg>),
    "Over what replicas' batch normalisation takes its statistics: sync, the whole batch, or local, their own part [default: sync]",
);

/// The flag `--tensorboard`.
pub const TENSORBOARD: SettingFlag = flag(
    "tensorboard",
    "tensorboard",
    Kind::Switch,
    "Also write the log's figures, and pictures of what is learned from, for TensorBoard, into the run's folder",
);

/// A flag for the setting at `key`.
pub const fn flag(name: &'static str, key: &'static str, kind: Kind, help: &'static str) -> SettingFlag {
    SettingFlag { name, key, kind, help, alias: None }
}

/// The names of an enumeration, for [`Kind::OneOf`].
pub fn names<T: ValueEnum>() -> Vec<PossibleValue> {
    T::value_variants().iter().filter_map(ValueEnum::to_possible_value).collect()
}

impl SettingFlag {
    /// The same, which may be spelled otherwise too.
    pub const fn or(self, alias: &'static str) -> Self {
        Self { alias: Some(alias), ..self }
    }

    fn arg(&self, heading: Option<&'static str>) -> Arg {
        let arg = argument(self.name, self.help).help_heading(heading).aliases(self.alias);
        match self.kind {
            Kind::Text(value) | Kind::NumberOrText(value) => arg.value_name(value),
            Kind::Texts(value) => arg.value_name(value).action(ArgAction::Append),
            Kind::Whole(value) => arg.value_name(value).value_parser(value_parser!(i64).range(0..)),
            Kind::Number(value) => arg.value_name(value).value_parser(value_parser!(f64)),
            Kind::Switch | Kind::SwitchOff => arg.action(ArgAction::SetTrue),
            Kind::OneOf(value, names) => arg.value_name(value).value_parser(names()),
        }
    }

    /// What was given for the setting.
    fn value(&self, matches: &ArgMatches) -> Option<Value> {
        let text = || matches.get_one::<String>(self.name).cloned();
        match self.kind {
            Kind::Text(_) | Kind::OneOf(..) => text().map(Value::from),
            Kind::NumberOrText(_) => {
                text().map(|text| text.parse::<i64>().map_or(Value::from(text), Value::from))
            }
            Kind::Texts(_) => matches
                .get_many::<String>(self.name)
                .map(|texts| texts.cloned().map(Value::from).collect::<Vec<_>>().into()),
            Kind::Whole(_) => matches.get_one::<i64>(self.name).map(|&number| number.into()),
            Kind::Number(_) => matches.get_one::<f64>(self.name).map(|&number| number.into()),
            Kind::Switch => matches.get_flag(self.name).then(|| true.into()),
            Kind::SwitchOff => matches.get_flag(self.name).then(|| false.into()),
        }
    }
}

/// What a run is made from, or which one goes on.
#[derive(Debug)]
pub struct RunArgs<S> {
    preset: Option<String>,
    config: Option<PathBuf>,
    set: Vec<String>,
    /// Flag, path and value of each setting that was given.
    given: Vec<(String, &'static str, Value)>,
    out: PathBuf,
    force: bool,
    auto_resume: bool,
    resume: Option<PathBuf>,
    /// Whether to show no progress.
    pub quiet: bool,
    settings: PhantomData<S>,
}

/// A run at its beginning, or where it goes on.
#[derive(Debug)]
pub struct Begun<S> {
    /// Its settings.
    pub settings: S,
    /// Its folder.
    pub folder: RunFolder,
    /// Whether it goes on.
    pub resumes: bool,
}

impl<S: Flagged + DeserializeOwned> RunArgs<S> {
    /// As [`RunArgs::begin`] in the process that leads; the others take over its settings, and have folders of their own.
    ///
    /// # Errors
    /// As there; or the processes cannot reach each other.
    pub fn begin_together(
        &self,
        check: impl FnOnce(&mut S) -> Result<(), Failure>,
    ) -> Result<Begun<S>, Failure> {
        let Some(link) = processes::link()? else { return self.begin(check) };
        let team = Team::new(Some(link), 0).map_err(Failure::usage)?;
        let mut here = None;
        let told = team.from_lead(|| -> Result<Vec<u8>, Failure> {
            let begun = self.begin(check)?;
            let told = (toml::to_string(&begun.settings)?, begun.folder.path(), begun.resumes);
            let told = serde_json::to_vec(&told)?;
            here = Some(begun);
            Ok(told)
        })?;
        if let Some(begun) = here {
            return Ok(begun);
        }
        let (settings, path, resumes): (String, PathBuf, bool) = serde_json::from_slice(&told)?;
        Ok(Begun { settings: toml::from_str(&settings)?, folder: RunFolder::aside(&path)?, resumes })
    }
}

impl<S: Flagged> RunArgs<S> {
    /// The settings and the folder they are for: of a new run, whose settings `check` judges, or of the one that goes on. With
    /// `--auto-resume` the folder says which of the two it is.
    ///
    /// # Errors
    /// A layer cannot be read, or holds a setting that does not exist or is out of its range, or the run in the folder has other
    /// settings (exit code 2); or the folder is not empty (unless `--force`), or cannot be made or read.
    pub fn begin(&self, check: impl FnOnce(&mut S) -> Result<(), Failure>) -> Result<Begun<S>, Failure> {
        if let Some(path) = &self.resume {
            if let Some(flag) = self.asked_besides() {
                let onwards = S::ONWARDS.replace("RUN", &path.display().to_string());
                return Err(Failure::usage(anyhow!(
                    "--resume goes on with the run's own settings, bit for bit, so {flag} cannot stand beside it; with other \
                     settings begin a new run: {onwards}"
                )));
            }
            let folder = RunFolder::open(path)?;
            return Ok(Begun { settings: folder.load_config()?, folder, resumes: true });
        }
        let out = if self.out.as_os_str().is_empty() {
            Err(Failure::usage(anyhow!("--out RUN is missing: the folder of the run")))
        } else {
            Ok(())
        };
        let settings = Failure::and(out, self.settings(check))?;
        if self.auto_resume && RunFolder::is_begun(&self.out) {
            let folder = RunFolder::open(&self.out)?;
            let begun: S = folder.load_config()?;
            self.same_run(settings, &begun)?;
            return Ok(Begun { settings: begun, folder, resumes: true });
        }
        Ok(Begun { settings, folder: RunFolder::create(&self.out, self.force)?, resumes: false })
    }

    /// Refuses to go on with a run that was begun with other settings than those that are given now.
    fn same_run(&self, mut given: S, begun: &S) -> Result<(), Failure> {
        given.take_over(begun);
        let Some(differences) = RunIdentity::new(&given)?.differences(&RunIdentity::new(begun)?) else {
            return Ok(());
        };
        Err(Failure::usage(anyhow!(
            "{}: holds a run of other settings ({differences}); give the line that it was begun with to go on, or another --out for \
             a run of its own",
            self.out.display()
        )))
    }

    /// The first argument that only a new run takes.
    fn asked_besides(&self) -> Option<&str> {
        let named = |given: bool, name| given.then_some(name);
        named(self.preset.is_some(), "--preset")
            .or(named(self.config.is_some(), "--config"))
            .or(named(!self.set.is_empty(), "--set"))
            .or(self.given.first().map(|(flag, ..)| flag.as_str()))
            .or(named(!self.out.as_os_str().is_empty(), "--out"))
            .or(named(self.force, "--force"))
            .or(named(self.auto_resume, "--auto-resume"))
    }

    /// What all layers give together, judged by `check`.
    fn settings(&self, check: impl FnOnce(&mut S) -> Result<(), Failure>) -> Result<S, Failure> {
        let mut layers = Layers::default();
        let mut read: Vec<Result<(), LayerError>> = vec![];
        read.extend(self.preset.iter().map(|name| layers.preset(name)));
        read.extend(self.config.iter().map(|path| layers.file(path)));
        read.extend(self.set.iter().map(|assignment| layers.assignment(assignment)));
        read.extend(self.given.iter().map(|(flag, key, value)| layers.flag(flag, key, value.clone())));
        read.into_iter().map(|layer| layer.map_err(Failure::usage)).fold(Ok(()), Failure::and)?;
        let mut settings = layers.resolve().map_err(Failure::usage)?;
        check(&mut settings)?;
        Ok(settings)
    }

    fn flags() -> impl Iterator<Item = &'static SettingFlag> {
        S::FLAGS.iter().flat_map(|(_, group)| group.iter())
    }
}

impl<S: Flagged> FromArgMatches for RunArgs<S> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let path = |name: &str| matches.get_one::<PathBuf>(name).cloned();
        let given = |flag: &SettingFlag| Some((format!("--{}", flag.name), flag.key, flag.value(matches)?));
        Ok(Self {
            preset: matches.get_one("preset").cloned(),
            config: path("config"),
            set: matches.get_many("set").unwrap_or_default().cloned().collect(),
            given: Self::flags().filter_map(given).collect(),
            out: path("out").unwrap_or_default(),
            force: matches.get_flag("force"),
            auto_resume: matches.get_flag("auto-resume"),
            resume: path("resume"),
            quiet: matches.get_flag("quiet"),
            settings: PhantomData,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<S: Flagged> Args for RunArgs<S> {
    fn augment_args(mut command: Command) -> Command {
        let [preset, set] = S::HELP;
        let path = value_parser!(PathBuf);
        command = command.args([
            argument("preset", preset).value_name("NAME"),
            argument("config", "TOML file of settings, over the preset's")
                .value_name("FILE")
                .value_parser(path.clone()),
            argument("set", set).value_name("KEY.PATH=VALUE").action(ArgAction::Append),
        ]);
        let mut run = vec![
            argument("out", "Folder of the run; must be new or empty. Needed unless --resume is given")
                .short('o')
                .value_name("RUN")
                .value_parser(path.clone()),
            argument("force", "Start over in a folder that is not empty; an earlier run's files in it are removed")
                .action(ArgAction::SetTrue),
            argument(
                "auto-resume",
                "Go on with the run in --out where there is one, else begin it: the same line again and again, as a cluster gives \
                 it, makes one run",
            )
            .action(ArgAction::SetTrue)
            .conflicts_with("force"),
            argument(
                "resume",
                "Go on with the run in this folder, bit for bit, from its last checkpoint. Its settings are its own",
            )
            .value_name("RUN")
            .value_parser(path),
        ];
        let quiet = argument("quiet", "Show no progress").short('q').action(ArgAction::SetTrue);
        for (place, (heading, flags)) in S::FLAGS.iter().enumerate() {
            let last = place + 1 == S::FLAGS.len();
            if last {
                command = command.args(run.drain(..).map(|arg| arg.help_heading(*heading)));
            }
            command = command.args(flags.iter().map(|flag| flag.arg(*heading)));
            if last {
                command = command.arg(quiet.clone().help_heading(*heading));
            }
        }
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn argument(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).help(help)
}
