"""Wrong answers for the checks of chapter 04: texts of DAG files, each a right one with a likely mistake."""


def _changed(text, *changes):
    for old, new in changes:
        assert text.count(old) == 1, (old, text.count(old))
        text = text.replace(old, new)
    return text


# --- 4.1 ---

LATE_RATE = """
from airflow.sdk import dag, task


@dag(schedule=None, params={"month": "2013-09"})
def late_rate():
    @task
    def measure(params=None):
        from flightdelay.data import load

        delays = load("flights", [params["month"]], ["arr_delay"])["arr_delay"].dropna()
        return round(float((delays > 15).mean()), 3)

    measure()


late_rate()
"""
_IMPORT = "from airflow.sdk import dag, task\n"
_LOAD = '        delays = load("flights", [params["month"]], ["arr_delay"])["arr_delay"].dropna()\n'
AS_GIVEN = """
import os
from pathlib import Path

from airflow.sdk import dag, task
from flightdelay.data import load

with Path(os.environ["AIRFLOW_HOME"], "reads.txt").open("a") as out:
    out.write("September was read\\n")
delays = load("flights", ["2013-09"], ["arr_delay"])["arr_delay"].dropna()
rate = round(float((delays > 15).mean()), 3)


@dag(schedule=None, params={"month": "2013-09"})
def late_rate():
    @task
    def measure(params=None):
        return rate

    measure()


late_rate()
"""
IN_A_WITH_BLOCK = """
from airflow.sdk import DAG, task

@task
def measure(params=None):
    from flightdelay.data import load

    delays = load("flights", [params["month"]], ["arr_delay"])["arr_delay"].dropna()
    return round(float((delays > 15).mean()), 3)

with DAG("late_rate", params={"month": "2013-09"}):
    measure()
"""
# The file of the notebook.
AS_WRITTEN = """
import os
from airflow.sdk import DAG, task
from flightdelay.data import load

with open(os.environ["AIRFLOW_HOME"] + "/reads.txt", "a") as out:
    out.write("September was read\\n")
delays = load("flights", ["2013-09"], ["arr_delay"])["arr_delay"].dropna()

@task
def measure(params=None):
    return round(float((delays > 15).mean()), 3)

with DAG("late_rate", params={"month": "2013-09"}):
    measure()
"""
WORK_IN_THE_BLOCK = """
from airflow.sdk import DAG, task

with DAG("late_rate", params={"month": "2013-09"}):
    from flightdelay.data import load

    delays = load("flights", ["2013-09"], ["arr_delay"])["arr_delay"].dropna()

    @task
    def measure(params=None):
        return round(float((delays > 15).mean()), 3)

    measure()
"""
NO_BLOCK = IN_A_WITH_BLOCK.partition("with DAG")[0]
NO_TASK_IN_THE_BLOCK = _changed(IN_A_WITH_BLOCK, ("\n    measure()\n", "\n    ...\n"))
EVERY_MONTH_AT_THE_TOP = _changed(
    LATE_RATE,
    (
        _IMPORT,
        _IMPORT
        + "from flightdelay.data import load\n\n"
        + 'TABLES = {m: load("flights", [m]) for m in ("2013-08", "2013-09", "2013-12")}\n',
    ),
    (_LOAD, '        delays = TABLES[params["month"]]["arr_delay"].dropna()\n'),
)
IN_THE_DAG_FUNCTION = """
from airflow.sdk import dag, task


@dag(schedule=None, params={"month": "2013-09"})
def late_rate():
    from flightdelay.data import load

    delays = load("flights", ["2013-09"], ["arr_delay"])["arr_delay"].dropna()

    @task
    def measure(params=None):
        return round(float((delays > 15).mean()), 3)

    measure()


late_rate()
"""
AS_A_DEFAULT = """
from airflow.sdk import dag, task


def september():
    from flightdelay.data import load

    return load("flights", ["2013-09"], ["arr_delay"])["arr_delay"].dropna()


@dag(schedule=None, params={"month": "2013-09"})
def late_rate():
    @task
    def measure(delays=None, found=len(september())):
        return round(float((september() > 15).mean()), 3)

    measure()


late_rate()
"""
HEAVY_IMPORT = _changed(LATE_RATE, (_IMPORT, _IMPORT + "import pandas as pd\n"))
LOADER_IMPORTED_AT_THE_TOP = _changed(
    LATE_RATE,
    (_IMPORT, _IMPORT + "from flightdelay.data import load\n"),
    ("        from flightdelay.data import load\n\n", ""),
)
ALWAYS_SEPTEMBER = _changed(LATE_RATE, ('params["month"]', '"2013-09"'))
MONTH_OF_THE_CLOCK = _changed(
    LATE_RATE,
    (_IMPORT, _IMPORT + 'from datetime import date\n\nMONTH = f"2013-{date.today():%m}"\n'),
    ('params["month"]', "MONTH"),
)
GAPS_COUNT_AS_PUNCTUAL = _changed(LATE_RATE, (".dropna()", ""))
NOT_ROUNDED = _changed(LATE_RATE, (", 3)", ", 2)"))
NOTHING_RETURNED = _changed(LATE_RATE, ("return round", "print(round"), (", 3)", ", 3))"))
RETURNS_A_SENTENCE = _changed(LATE_RATE, ("return round(", 'return "rate: " + str(round('), (", 3)", ", 3))"))
NEVER_CALLED = LATE_RATE.replace("\n\nlate_rate()\n", "")
TASK_NEVER_CALLED = _changed(LATE_RATE, ("\n    measure()\n", ""))
WRITEFILE = "%%writefile {state}/airflow/dags/late_rate.py" + LATE_RATE
_MEASURE = "    def measure(params=None):\n"
_COUNTS = 'with Path(os.environ["AIRFLOW_HOME"], "reads.txt").open("a") as out:\n'
STILL_COUNTS = _changed(
    LATE_RATE,
    (
        _IMPORT,
        "import os\nfrom pathlib import Path\n\n" + _IMPORT + "\n" + _COUNTS + '    out.write("read\\n")\n',
    ),
)
COUNTS_IN_THE_TASK = _changed(
    LATE_RATE,
    (
        _MEASURE,
        _MEASURE
        + "        import os\n        from pathlib import Path\n\n        "
        + _COUNTS
        + '            out.write("read\\n")\n',
    ),
)
ANOTHER_NAME = LATE_RATE.replace("late_rate", "rate_of_late_flights")
HIDDEN_IN_A_SUBMODULE = _changed(
    LATE_RATE,
    (_IMPORT, _IMPORT + "from flightdelay import data\n"),
    ("        from flightdelay.data import load\n\n", ""),
    ("delays = load(", "delays = data.load("),
)
HEAVY_BY_ITS_NAME = _changed(
    LATE_RATE, (_IMPORT, _IMPORT + 'import importlib\n\nimportlib.import_module("pandas")\n')
)
STUMBLES = _changed(LATE_RATE, ('params["month"]', 'params["Month"]'))

# --- 4.2 ---

FRAMES = """
from airflow.sdk import dag, task


@dag(schedule=None, params={"month": "2013-09", "folder": ""})
def frames():
    @task
    def read(params=None):
        from pathlib import Path

        from flightdelay.data import load

        path = Path(params["folder"]) / f"{params['month']}.parquet"
        load("flights", [params["month"]]).to_parquet(path)
        return str(path)

    @task
    def count_late(path):
        import pandas as pd

        return int((pd.read_parquet(path)["arr_delay"] > 15).sum())

    count_late(read())


frames()
"""
_WRITE = '        load("flights", [params["month"]]).to_parquet(path)\n        return str(path)\n'
_COUNT = '(pd.read_parquet(path)["arr_delay"] > 15)'


def _sent(send, take):
    return _changed(
        FRAMES, (_WRITE, f'        flights = load("flights", [params["month"]])\n{send}'), (_COUNT, take)
    )


# The answer may be the tasks alone.
READ_AND_COUNT = """
@task
def read(params=None):
    from flightdelay.data import load

    path = Path(params["folder"]) / f"{params['month']}.parquet"
    load("flights", [params["month"]]).to_parquet(path)
    return str(path)

@task
def count_late(path):
    import pandas as pd

    return int((pd.read_parquet(path)["arr_delay"] > 15).sum())
"""
INDENTED = "".join(f"    {line}\n" if line else "\n" for line in READ_AND_COUNT.splitlines())
ONE_TASK_OF_TWO = READ_AND_COUNT.partition("@task\ndef count_late")[0]
TASKS_WITH_ONE_NAME_FOR_ALL = _changed(
    READ_AND_COUNT, ("f\"{params['month']}.parquet\"", '"flights.parquet"')
)
PANDAS_ABOVE_THE_TASKS = _changed(
    READ_AND_COUNT,
    ("@task\ndef read", "import pandas as pd\n\n@task\ndef read"),
    ("    import pandas as pd\n\n    return", "    return"),
)
NOT_DECORATED = _changed(READ_AND_COUNT, ("@task\ndef count_late", "def count_late"))
DATAFRAME = _sent("        return flights\n", '(path["arr_delay"] > 15)')
ONE_COLUMN_AS_A_LIST = _sent(
    '        return flights["arr_delay"].dropna().tolist()\n', "(pd.Series(path) > 15)"
)
RECORDS = _sent(
    '        return flights[["arr_delay"]].dropna().to_dict("records")\n',
    '(pd.DataFrame(path)["arr_delay"] > 15)',
)
CSV_TEXT = _sent(
    '        return flights[["arr_delay"]].to_csv(index=False)\n',
    '(pd.read_csv(__import__("io").StringIO(path))["arr_delay"] > 15)',
)
PATH_AND_TABLE = _sent(
    '        flights.to_parquet(path)\n        return {"path": str(path), "table": flights[["arr_delay"]]}\n',
    '(path["table"]["arr_delay"] > 15)',
)
IN_A_GLOBAL = _changed(
    _sent(
        '        TABLE["flights"] = flights\n        return "in memory"\n',
        '(TABLE["flights"]["arr_delay"] > 15)',
    ),
    (_IMPORT, _IMPORT + "\nTABLE = {}\n"),
)
_BY_PATH = (
    (
        _WRITE,
        f"{_WRITE.splitlines()[0]}\n        TABLES[str(path)] = pd.read_parquet(path)\n        return str(path)\n",
    ),
    (
        "        from pathlib import Path\n",
        "        from pathlib import Path\n\n        import pandas as pd\n",
    ),
    ("pd.read_parquet(path)[", "TABLES[path]["),
)
IN_A_GLOBAL_BY_PATH = _changed(FRAMES, (_IMPORT, _IMPORT + "\nTABLES = {}\n"), *_BY_PATH)
IN_THE_DAGS_FUNCTION = _changed(FRAMES, ("def frames():\n", "def frames():\n    TABLES = {}\n\n"), *_BY_PATH)
RELATIVE_TO_HERE = _changed(FRAMES, ("return str(path)", "return __import__('os').path.relpath(path)"))
BY_THE_LAST_DIGIT = _changed(FRAMES, ("{params['month']}", "{params['month'][-1]}"))
REMOVES_THE_FILE = _changed(
    FRAMES,
    (
        "        return int((pd.read_parquet(path)",
        "        flights = pd.read_parquet(path)\n"
        "        __import__('os').remove(path)\n        return int((flights",
    ),
)
APPENDS_A_RUN = _changed(
    FRAMES,
    ('.parquet"', '.csv"'),
    (".to_parquet(path)", ".to_csv(path, mode='a', index=False, header=not path.exists())"),
    ("pd.read_parquet", "pd.read_csv"),
)
IN_TMP = _changed(FRAMES, ('Path(params["folder"])', "Path(__import__('tempfile').mkdtemp())"))
ONE_NAME_FOR_ALL = _changed(FRAMES, ("f\"{params['month']}.parquet\"", '"flights.parquet"'))
COUNTS_ALL = _changed(FRAMES, ("> 15", "> -999"))
DOES_NOT_WAIT = _changed(
    FRAMES,
    ("    def count_late(path):", "    def count_late(params=None):"),
    ("pd.read_parquet(path)", "pd.read_parquet(params['folder'] + '/' + params['month'] + '.parquet')"),
    ("    count_late(read())", "    read()\n    count_late()"),
)
CHANGES_THE_FOLDER = _changed(
    FRAMES,
    (
        '        path = Path(params["folder"]) /',
        '        __import__("os").chdir(params["folder"])\n        path = Path() /',
    ),
)
IGNORES_THE_PATH = _changed(
    FRAMES,
    ("    def count_late(path):", "    def count_late(path, params=None):"),
    ("pd.read_parquet(path)", "pd.read_parquet(params['folder'] + '/' + params['month'] + '.parquet')"),
)
LOADS_AGAIN = _changed(
    FRAMES,
    ("    def count_late(path):\n", "    def count_late(path, params=None):\n"),
    ("        import pandas as pd\n", "        from flightdelay.data import load\n"),
    ("pd.read_parquet(path)", 'load("flights", [params["month"]])'),
)
RELATIVE = _changed(FRAMES, ('Path(params["folder"])', "Path()"))

# --- 4.3 ---

RETRIED = """
from datetime import timedelta

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowFailException
from flightdelay.errors import ValidationError


@dag(schedule=None, params={"month": "2013-09", "origin": "JFK", "folder": ""})
def retried():
    @task(retries=4, retry_delay=timedelta(minutes=1), retry_exponential_backoff=2)
    def fetch(params=None):
        from pathlib import Path

        import pandas as pd
        from chapter_04.weather_service import pages, refuse_impossible

        path = Path(params["folder"]) / f"{params['month']}-{params['origin']}.csv"
        neighbour = path.with_suffix(".part")
        whole = []
        try:
            for page in pages(params["origin"], params["month"]):
                refuse_impossible(page)
                whole.append(page)
        except ValidationError as error:
            raise AirflowFailException(str(error)) from error
        pd.concat(whole).to_csv(neighbour, index=False)
        neighbour.replace(path)
        return str(path)

    fetch()


retried()
"""
_SETTINGS = "@task(retries=4, retry_delay=timedelta(minutes=1), retry_exponential_backoff=2)"
_CATCH = "except ValidationError as error:\n            raise AirflowFailException(str(error)) from error"
_KEEP = "                whole.append(page)\n"
_PUBLISH = """        pd.concat(whole).to_csv(neighbour, index=False)
        neighbour.replace(path)
"""
AS_THE_COLLEAGUE = """
from datetime import timedelta

from airflow.sdk import dag, task


@dag(schedule=None, params={"month": "2013-09", "origin": "JFK", "folder": ""})
def retried():
    @task(retries=3, retry_delay=timedelta(0))
    def fetch(params=None):
        from pathlib import Path

        from chapter_04.weather_service import pages, refuse_impossible

        path = Path(params["folder"]) / f"{params['month']}-{params['origin']}.csv"
        for page in pages(params["origin"], params["month"]):
            refuse_impossible(page)
            page.to_csv(path, mode="a", index=False, header=not path.exists())
        return str(path)

    fetch()


retried()
"""
FETCH = """
@task(retries=4, retry_delay=timedelta(minutes=1), retry_exponential_backoff=2)
def fetch(params=None):
    import pandas as pd

    path = Path(params["folder"]) / f"{params['month']}-{params['origin']}.csv"
    whole = pd.concat(pages(params["origin"], params["month"]))
    try:
        refuse_impossible(whole)
    except ValidationError as error:
        raise AirflowFailException(str(error)) from error
    whole.to_csv(path.with_suffix(".part"), index=False)
    path.with_suffix(".part").replace(path)
    return str(path)
"""
THE_COLLEAGUES_TASK = """
@task(retries=3, retry_delay=0)
def fetch(params=None):
    path = Path(params["folder"]) / f"{params['month']}-{params['origin']}.csv"
    for page in pages(params["origin"], params["month"]):
        refuse_impossible(page)
        page.to_csv(path, mode="a", index=False, header=not path.exists())
    return str(path)
"""
TASK_WITH_EVEN_WAITS = _changed(FETCH, (", retry_exponential_backoff=2", ""))
TASK_STRAIGHT_TO_THE_FILE = _changed(
    FETCH,
    ('path.with_suffix(".part"), index', "path, index"),
    ('    path.with_suffix(".part").replace(path)\n', ""),
)
DOWNLOADS = _changed(
    FETCH, ("    whole.to_csv", "    from chapter_04.weather_service import download\n\n    whole.to_csv")
)
DOWNLOADS = DOWNLOADS.partition("    whole.to_csv")[0] + (
    '    return download(params["origin"], params["month"], params["folder"])\n'
)
SECONDS = _changed(FETCH, ("retry_delay=timedelta(minutes=1)", "retry_delay=60"))
NO_RETRIES = _changed(RETRIED, (_SETTINGS, "@task"))
ONE_RETRY = _changed(RETRIED, ("retries=4", "retries=1"))
A_HUNDRED_RETRIES = _changed(RETRIED, ("retries=4", "retries=100"))
EVEN_WAITS = _changed(RETRIED, (", retry_exponential_backoff=2", ""))
_FACTOR = "retry_exponential_backoff=2"
WAITS_SHRINK = _changed(RETRIED, (_FACTOR, "retry_exponential_backoff=0.5"))
FACTOR_ONE = _changed(RETRIED, (_FACTOR, "retry_exponential_backoff=1"))
LID_FROM_THE_START = _changed(RETRIED, (_FACTOR, f"{_FACTOR}, max_retry_delay=timedelta(minutes=1)"))
NO_WAITS = _changed(RETRIED, ("timedelta(minutes=1)", "timedelta(0)"))
RETRIES_A_REFUSAL = _changed(RETRIED, (_CATCH, "except KeyError:\n            raise"))
RETRIES_NOTHING = _changed(RETRIED, ("except ValidationError", "except Exception"))
SKIPS_A_REFUSAL = _changed(
    RETRIED,
    ("import AirflowFailException", "import AirflowSkipException"),
    ("raise AirflowFailException", "raise AirflowSkipException"),
)
KEEPS_QUIET_ABOUT_A_REFUSAL = _changed(
    RETRIED, ("raise AirflowFailException(str(error)) from error", "return str(error)")
)
GIVES_NO_REASON = _changed(
    RETRIED,
    ("except ValidationError as error", "except ValidationError"),
    ("(str(error)) from error", '("bad month") from None'),
)
SWALLOWS_HANG_UPS = _changed(
    RETRIED, (_CATCH, _CATCH + "\n        except ConnectionError:\n            pass")
)
DOES_NOT_LOOK = _changed(RETRIED, ("                refuse_impossible(page)\n", ""))
OWN_LOOP = _changed(
    RETRIED,
    (
        '            for page in pages(params["origin"], params["month"]):\n'
        "                refuse_impossible(page)\n                whole.append(page)\n",
        """            for attempt in range(4):
                try:
                    whole = list(pages(params["origin"], params["month"]))
                    break
                except ConnectionError:
                    if attempt == 3:
                        raise
            for page in whole:
                refuse_impossible(page)
""",
    ),
)
OWN_LOOP_THAT_SLEEPS = _changed(
    OWN_LOOP,
    (
        "                    if attempt == 3:\n                        raise\n",
        "                    if attempt == 3:\n                        raise\n"
        "                    __import__('time').sleep(60)\n",
    ),
)
APPENDS = _changed(
    RETRIED,
    (_KEEP, '                page.to_csv(path, mode="a", index=False, header=not path.exists())\n'),
    (_PUBLISH, ""),
)
APPENDS_AT_THE_END = _changed(
    RETRIED, (_PUBLISH, '        pd.concat(whole).to_csv(path, mode="a", index=False)\n')
)
CLEARS_FIRST = _changed(
    RETRIED,
    ("        whole = []\n", "        path.unlink(missing_ok=True)\n"),
    (_KEEP, '                page.to_csv(path, mode="a", index=False, header=not path.exists())\n'),
    (_PUBLISH, ""),
)
KEEPS_WHAT_IS_THERE = _changed(
    RETRIED,
    ("        whole = []\n", "        if path.exists():\n            return str(path)\n"),
    (_KEEP, '                page.to_csv(path, mode="a", index=False, header=not path.exists())\n'),
    (_PUBLISH, ""),
)
APPENDS_TO_THE_NEIGHBOUR = _changed(
    RETRIED,
    (_KEEP, '                page.to_csv(neighbour, mode="a", index=False, header=not neighbour.exists())\n'),
    (_PUBLISH, "        neighbour.replace(path)\n"),
)
LAST_PAGE_ONLY = _changed(RETRIED, (_KEEP, "                whole = [page]\n"))
NAMES_THE_TRY = _changed(
    RETRIED,
    ("def fetch(params=None):", "def fetch(params=None, ti=None):"),
    ("{params['origin']}.csv", "{params['origin']}-{ti.try_number}.csv"),
)
STRAIGHT_TO_THE_FILE = _changed(RETRIED, (_PUBLISH, "        pd.concat(whole).to_csv(path, index=False)\n"))
COPIES = _changed(RETRIED, ("neighbour.replace(path)", '__import__("shutil").copy(neighbour, path)'))
MOVES_FROM_ANOTHER_FOLDER = _changed(
    RETRIED,
    ('path.with_suffix(".part")', "Path(__import__('tempfile').mkdtemp()) / path.name"),
    ("neighbour.replace(path)", '__import__("shutil").move(neighbour, path)'),
)
IN_A_FOLDER_OF_ITS_OWN = _changed(
    RETRIED,
    ('path.with_suffix(".part")', "Path(__import__('tempfile').mkdtemp(dir=path.parent)) / path.name"),
)
WRITES_THE_BYTES = _changed(RETRIED, ("neighbour.replace(path)", "path.write_bytes(neighbour.read_bytes())"))
CP = _changed(
    RETRIED, ("neighbour.replace(path)", '__import__("subprocess").run(["cp", neighbour, path], check=True)')
)
REMOVES_FIRST = _changed(
    RETRIED,
    (_PUBLISH, "        path.unlink(missing_ok=True)\n        pd.concat(whole).to_csv(path, index=False)\n"),
)
ONE_PART_FOR_ALL = _changed(RETRIED, ('path.with_suffix(".part")', 'path.with_name("weather.part")'))
ONE_PART_FOR_ALL_AIRPORTS = _changed(
    RETRIED, ('path.with_suffix(".part")', "path.with_name(f\"{params['month']}.part\")")
)
ALWAYS_JFK = _changed(RETRIED, ("{params['origin']}.csv", "JFK.csv"))
NO_PATH = _changed(RETRIED, ("        return str(path)\n", ""))

# --- 4.4 ---

MONTH_END = """
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import dag, task


@dag(schedule=None, params={"airports": ["EWR", "JFK", "LGA"], "decision": "keep", "folder": ""})
def month_end():
    @task
    def airports(params=None):
        return params["airports"]

    @task
    def report(origin, params=None):
        if len(origin) != 3:
            raise ValueError(f"{origin} is no airport")
        return f"report of {origin}"

    @task.branch
    def choose(params=None):
        return "announce" if params["decision"] == "promote" else "keep_champion"

    @task
    def announce():
        return "a new champion"

    keep_champion = EmptyOperator(task_id="keep_champion")

    @task(trigger_rule="none_failed_min_one_success")
    def close():
        return "closed"

    report.expand(origin=airports()) >> choose() >> [announce(), keep_champion] >> close()


month_end()
"""
_ARROWS = "    report.expand(origin=airports()) >> choose() >> [announce(), keep_champion] >> close()\n"
_CHOICE = '        return "announce" if params["decision"] == "promote" else "keep_champion"\n'


def _wired(arrows):
    return _changed(MONTH_END, (_ARROWS, arrows))


FROM_THE_MODULE = """
from airflow.sdk import DAG, task
from chapter_04.month_end import airports, announce, close, keep_champion, report

@task.branch
def choose(params=None):
    return "announce" if params["decision"] == "promote" else "keep_champion"

with DAG("month_end", params={"airports": ["EWR", "JFK", "LGA"], "decision": "keep", "folder": ""}):
    closed = close.override(trigger_rule="none_failed_min_one_success")()
    report.expand(origin=airports()) >> choose() >> [announce(), keep_champion()] >> closed
"""
NO_SETTING = _changed(FROM_THE_MODULE, ('.override(trigger_rule="none_failed_min_one_success")()', "()"))
FORGIVES_FAILURES = _changed(FROM_THE_MODULE, ("none_failed_min_one_success", "all_done"))
CHOOSE_LEFT_OPEN = _changed(
    FROM_THE_MODULE, ('return "announce" if params["decision"] == "promote" else "keep_champion"', "...")
)
NOTHING_WIRED = FROM_THE_MODULE.partition("    closed =")[0] + "    ...\n"
NO_ARROWS = _wired("    airports(), choose(), announce(), close()\n")
LIST_OF_NAMES = _wired(
    '    reports = report.expand(origin=["EWR", "JFK", "LGA"])\n    airports()\n'
    "    reports >> choose() >> [announce(), keep_champion] >> close()\n"
)
PYTHON_LOOP = _wired(
    """    airports()
    chosen = choose()
    for origin in ("EWR", "JFK", "LGA"):
        report(origin) >> chosen
    chosen >> [announce(), keep_champion] >> close()
"""
)
WHOLE_LIST_AT_ONCE = _wired("    report(airports()) >> choose() >> [announce(), keep_champion] >> close()\n")
ITERATES_OVER_THE_TASK = _wired(
    "    [report(origin) for origin in airports()] >> choose() >> [announce(), keep_champion] >> close()\n"
)
DEFAULT_RULE = _changed(MONTH_END, ('@task(trigger_rule="none_failed_min_one_success")', "@task"))
ALL_DONE = _changed(MONTH_END, ("none_failed_min_one_success", "all_done"))
ALWAYS = _changed(MONTH_END, ("none_failed_min_one_success", "always"))
ONE_DONE = _changed(MONTH_END, ("none_failed_min_one_success", "all_skipped"))
BRANCH_SAYS_TRUE = _changed(MONTH_END, (_CHOICE, '        return params["decision"] == "promote"\n'))
BRANCH_SAYS_THE_DECISION = _changed(MONTH_END, (_CHOICE, '        return params["decision"]\n'))
BRANCH_SAYS_NOTHING = _changed(MONTH_END, (_CHOICE, "        ...\n"))
BRANCH_THE_OTHER_WAY = _changed(MONTH_END, ('== "promote"', '== "keep"'))
BRANCH_PICKS_BOTH = _changed(MONTH_END, (_CHOICE, '        return ["announce", "keep_champion"]\n'))
NO_BRANCH_TASK = _changed(MONTH_END, ("@task.branch", "@task"))
IF_IN_THE_FILE = _wired(
    """    reports, end = report.expand(origin=airports()), close()
    reports >> choose()
    if "promote" == "keep":
        reports >> announce() >> end
    else:
        reports >> keep_champion >> end
"""
)
DOES_NOT_WAIT_FOR_REPORTS = _wired(
    "    report.expand(origin=airports())\n    choose() >> [announce(), keep_champion] >> close()\n"
)
CLOSE_BEHIND_CHOOSE = _wired(
    "    chosen = report.expand(origin=airports()) >> choose()\n    chosen >> [announce(), keep_champion, close()]\n"
)
ANOTHER_DAG = MONTH_END.replace("month_end", "end_of_month")
JOINS_ONE_WAY = _wired(
    '    join = EmptyOperator(task_id="join", trigger_rule="none_failed_min_one_success")\n'
    "    chosen, new = choose(), announce()\n"
    "    report.expand(origin=airports()) >> chosen >> [new, keep_champion]\n    new >> join >> close()\n"
)
CLOSE_BEHIND_ONE = _wired(
    "    chosen, new = choose(), announce()\n"
    "    report.expand(origin=airports()) >> chosen >> [new, keep_champion]\n    new >> close()\n"
)

SKIPS_WHAT_FAILED = _changed(
    MONTH_END,
    (
        'raise ValueError(f"{origin} is no airport")',
        "raise __import__('airflow.sdk.exceptions').sdk.exceptions.AirflowSkipException(origin)",
    ),
)
THREE_AT_MOST = _changed(MONTH_END, ('return params["airports"]', 'return params["airports"][:3]'))

# --- right, in other styles ---

WITH_THE_LIGHT_MODULES = _changed(
    LATE_RATE,
    (_IMPORT, _IMPORT + "from flightdelay.location import DATA\nfrom flightdelay.months import MONTHS\n"),
    ('["arr_delay"])["arr_delay"]', '["arr_delay"], DATA)["arr_delay"]'),
)
A_NUMPY_RATE = _changed(LATE_RATE, ("round(float((delays > 15).mean()), 3)", "(delays > 15).mean().round(3)"))
CLASSIC_OPERATOR = """
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG


def measure(params):
    import pandas as pd
    from flightdelay.location import DATA

    delays = pd.read_parquet(DATA / "flights" / f"{params['month']}.parquet")["arr_delay"]
    return f"{(delays[delays.notna()] > 15).mean():.3f}"


with DAG("late_rate", schedule=None, params={"month": "2013-09"}):
    PythonOperator(task_id="measure", python_callable=measure)
"""
A_NUMPY_COUNT = _changed(
    FRAMES, ("int((pd.read_parquet(path)", "(pd.read_parquet(path)"), ("> 15).sum())", "> 15).sum()")
)
A_NAME_IN_THE_FOLDER = _changed(
    FRAMES,
    ("        return str(path)\n", "        return path.name\n"),
    ("    def count_late(path):", "    def count_late(name, params=None):"),
    ("pd.read_parquet(path)", "pd.read_parquet(f\"{params['folder']}/{name}\")"),
)
IN_A_DICT = _changed(
    FRAMES,
    ("        return str(path)\n", '        return {"table": str(path), "rows": 1}\n'),
    ("    def count_late(path):", "    def count_late(found):"),
    ("pd.read_parquet(path)", 'pd.read_parquet(found["table"])'),
)
AS_CSV = FRAMES.replace("parquet", "csv")
TRUE_IS_TWO = _changed(RETRIED, (_FACTOR, "retry_exponential_backoff=True"))
A_SMALL_FACTOR_AND_A_LID = _changed(
    RETRIED,
    ("retries=4", "retries=6"),
    (_FACTOR, "retry_exponential_backoff=1.5, max_retry_delay=timedelta(minutes=5)"),
)
BY_A_POLICY = _changed(
    RETRIED,
    (
        "import AirflowFailException\n",
        "import AirflowFailException  # noqa: F401\n"
        "from airflow.sdk.definitions.retry_policy import ExceptionRetryPolicy, RetryAction, RetryRule\n",
    ),
    (
        "@task(",
        "@task(\n        retry_policy=ExceptionRetryPolicy("
        "rules=[RetryRule(exception=ValidationError, action=RetryAction.FAIL)]),\n        ",
    ),
    ("        try:\n            for page", "        if True:\n            for page"),
    ("        " + _CATCH + "\n", ""),
)
BY_A_TEMPORARY_FILE = _changed(
    RETRIED,
    (
        _PUBLISH,
        "        import os\n        import tempfile\n\n"
        '        number, name = tempfile.mkstemp(dir=params["folder"])\n'
        '        with open(number, "w") as out:\n            pd.concat(whole).to_csv(out, index=False)\n'
        "        os.replace(name, path)\n",
    ),
)
BY_THE_BOOKS_WRITER = _changed(
    RETRIED,
    (
        _PUBLISH,
        "        from flightdelay.files import write_atomically\n\n"
        "        write_atomically(path, pd.concat(whole).to_csv(index=False).encode())\n",
    ),
)
A_JOIN_BEFORE_CLOSE = _changed(
    _wired(
        '    join = EmptyOperator(task_id="join", trigger_rule="none_failed_min_one_success")\n'
        "    report.expand(origin=airports()) >> choose() >> [announce(), keep_champion] >> join >> close()\n"
    ),
    ('@task(trigger_rule="none_failed_min_one_success")', "@task"),
)
A_LIST_OF_ONE = _changed(
    MONTH_END,
    (_CHOICE, "        return [{'promote': 'announce'}.get(params['decision'], 'keep_champion')]\n"),
)
SET_UPSTREAM = _wired(
    "    reports, chosen, new, end = report.expand(origin=airports()), choose(), announce(), close()\n"
    "    chosen.set_upstream(reports)\n    new.set_upstream(chosen)\n    keep_champion.set_upstream(chosen)\n"
    "    end.set_upstream([new, keep_champion])\n"
)
NONE_FAILED = _changed(MONTH_END, ("none_failed_min_one_success", "none_failed"))

ALSO_RIGHT = {
    "ex_4_1": [LATE_RATE, WITH_THE_LIGHT_MODULES, A_NUMPY_RATE, CLASSIC_OPERATOR],
    "ex_4_2": [FRAMES, INDENTED, A_NUMPY_COUNT, A_NAME_IN_THE_FOLDER, IN_A_DICT, AS_CSV],
    "ex_4_3": [
        RETRIED,
        SECONDS,
        IN_A_FOLDER_OF_ITS_OWN,
        TRUE_IS_TWO,
        A_SMALL_FACTOR_AND_A_LID,
        BY_A_POLICY,
        BY_A_TEMPORARY_FILE,
        BY_THE_BOOKS_WRITER,
    ],
    "ex_4_4": [MONTH_END, A_JOIN_BEFORE_CLOSE, A_LIST_OF_ONE, SET_UPSTREAM, NONE_FAILED],
}
WRONG = {
    "ex_4_1": [
        AS_GIVEN,
        AS_WRITTEN,
        WORK_IN_THE_BLOCK,
        NO_BLOCK,
        NO_TASK_IN_THE_BLOCK,
        EVERY_MONTH_AT_THE_TOP,
        IN_THE_DAG_FUNCTION,
        AS_A_DEFAULT,
        HEAVY_IMPORT,
        LOADER_IMPORTED_AT_THE_TOP,
        ALWAYS_SEPTEMBER,
        MONTH_OF_THE_CLOCK,
        GAPS_COUNT_AS_PUNCTUAL,
        NOT_ROUNDED,
        NOTHING_RETURNED,
        RETURNS_A_SENTENCE,
        NEVER_CALLED,
        TASK_NEVER_CALLED,
        WRITEFILE,
        STUMBLES,
        STILL_COUNTS,
        COUNTS_IN_THE_TASK,
        ANOTHER_NAME,
        HIDDEN_IN_A_SUBMODULE,
        HEAVY_BY_ITS_NAME,
        "late_rate.py",
        0.13,
    ],
    "ex_4_2": [
        ONE_TASK_OF_TWO,
        TASKS_WITH_ONE_NAME_FOR_ALL,
        PANDAS_ABOVE_THE_TASKS,
        NOT_DECORATED,
        DATAFRAME,
        ONE_COLUMN_AS_A_LIST,
        RECORDS,
        CSV_TEXT,
        PATH_AND_TABLE,
        IN_A_GLOBAL,
        IN_TMP,
        ONE_NAME_FOR_ALL,
        COUNTS_ALL,
        DOES_NOT_WAIT,
        CHANGES_THE_FOLDER,
        IGNORES_THE_PATH,
        LOADS_AGAIN,
        RELATIVE,
        IN_A_GLOBAL_BY_PATH,
        IN_THE_DAGS_FUNCTION,
        RELATIVE_TO_HERE,
        BY_THE_LAST_DIGIT,
        REMOVES_THE_FILE,
        APPENDS_A_RUN,
    ],
    "ex_4_3": [
        THE_COLLEAGUES_TASK,
        TASK_WITH_EVEN_WAITS,
        TASK_STRAIGHT_TO_THE_FILE,
        DOWNLOADS,
        AS_THE_COLLEAGUE,
        NO_RETRIES,
        ONE_RETRY,
        A_HUNDRED_RETRIES,
        EVEN_WAITS,
        WAITS_SHRINK,
        FACTOR_ONE,
        LID_FROM_THE_START,
        NO_WAITS,
        RETRIES_A_REFUSAL,
        RETRIES_NOTHING,
        SKIPS_A_REFUSAL,
        KEEPS_QUIET_ABOUT_A_REFUSAL,
        GIVES_NO_REASON,
        SWALLOWS_HANG_UPS,
        DOES_NOT_LOOK,
        OWN_LOOP,
        OWN_LOOP_THAT_SLEEPS,
        APPENDS,
        APPENDS_AT_THE_END,
        CLEARS_FIRST,
        KEEPS_WHAT_IS_THERE,
        APPENDS_TO_THE_NEIGHBOUR,
        LAST_PAGE_ONLY,
        NAMES_THE_TRY,
        STRAIGHT_TO_THE_FILE,
        COPIES,
        MOVES_FROM_ANOTHER_FOLDER,
        WRITES_THE_BYTES,
        CP,
        REMOVES_FIRST,
        ONE_PART_FOR_ALL,
        ONE_PART_FOR_ALL_AIRPORTS,
        ALWAYS_JFK,
        NO_PATH,
    ],
    "ex_4_4": [
        NO_SETTING,
        FORGIVES_FAILURES,
        CHOOSE_LEFT_OPEN,
        NOTHING_WIRED,
        NO_ARROWS,
        LIST_OF_NAMES,
        PYTHON_LOOP,
        WHOLE_LIST_AT_ONCE,
        ITERATES_OVER_THE_TASK,
        DEFAULT_RULE,
        ALL_DONE,
        ALWAYS,
        ONE_DONE,
        BRANCH_SAYS_TRUE,
        BRANCH_SAYS_THE_DECISION,
        BRANCH_SAYS_NOTHING,
        BRANCH_THE_OTHER_WAY,
        BRANCH_PICKS_BOTH,
        NO_BRANCH_TASK,
        IF_IN_THE_FILE,
        DOES_NOT_WAIT_FOR_REPORTS,
        CLOSE_BEHIND_CHOOSE,
        CLOSE_BEHIND_ONE,
        SKIPS_WHAT_FAILED,
        THREE_AT_MOST,
        ANOTHER_DAG,
        JOINS_ONE_WAY,
    ],
}
