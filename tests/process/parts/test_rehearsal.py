# ruff: noqa: E501 - each snippet is one line
"""Whether importing code twice gives the same, told by two processes that import it.

Both have another hash seed. Every case is a module, and all of them share the two processes.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.locations import generate

ROOT = Path(__file__).parents[3]

# Imports or loads each module, and prints its values, or its findings against those values.
PROGRAM = """
import importlib, json, os, sys
import attr, dagster, duckdb, numpy, pandas, polars, pyarrow, pydantic, secrets, sqlite3, tempfile
import pyarrow.csv, pyarrow.parquet, sklearn.linear_model, uuid
from codeserver.facts import LoadOrder
from codeserver.worker.loading.location import load
from codeserver.worker.rehearsal import rehearse, user_modules, values

del os.environ["PYTHONHASHSEED"]
modules, files, before = json.load(sys.stdin)
sys.path[:0] = [os.getcwd(), os.path.join(os.getcwd(), "site-packages")]
import helper

def importing(name):
    return lambda: importlib.import_module(name)

def loading(file):
    target = dict.fromkeys(("module_name", "package_name", "attribute", "autoload_defs_module_name"))
    target.update(python_file=file, working_directory=os.path.dirname(file))
    return lambda: load(LoadOrder(target, sys.executable, ["dagster"]))

loads = {name: importing(name) for name in modules} | {file: loading(file) for file in files}
result = {}
for name, each in loads.items():
    environment = dict(os.environ)
    if before is None:
        each()
        result[name] = values(user_modules())
    else:
        findings, looks = rehearse(each, before[name])
        result[name] = [*map(str, findings)], looks
    for module in user_modules():
        del sys.modules[module]
    os.environ.clear()
    os.environ.update(environment)
print("\\n" + json.dumps(result))
"""

CLOCKS = {
    "import datetime\nNOW = datetime.datetime.now()": "line 2: NOW reads the clock (datetime.now)",
    "from time import time as t\nBEGUN = int(t())": "line 2: BEGUN reads the clock (time.time)",
    "import time\ntime.perf_counter()": "line 2: reads the clock (time.perf_counter)",
    "import time\nDAY = time.strftime('%Y')": "DAY reads the clock (time.strftime)",
    "import datetime as d\nclass Mine(d.datetime): pass\nDAY = Mine.today().day": "DAY reads the clock",
    "import datetime\nDAY = datetime.date.today().isoformat()": "DAY reads the clock (date.today)",
    "import pandas as pd\nDAY = str(pd.Timestamp.now())[:4]": "(pandas.Timestamp.now)",
    "import pandas\nDAY = pandas.to_datetime('today').year": "line 2: DAY reads the clock (",
    "from numpy import datetime64\ndef day():\n    return datetime64('now').astype(str)[:4]\n"
    "DAY = day()": 'line 3: day reads the clock ("now")',
    "import time\ndef f(begun=time.time()): pass": "line 2: f reads the clock",
    "import time\nclass A:\n    begun = time.time_ns()": "line 3: A reads the clock (time.time_ns)",
    "from concurrent.futures import ThreadPoolExecutor as E\nimport time\n"
    "def day():\n    return time.time() // 1e9\nwith E() as pool:\n"
    "    DAY = pool.submit(day).result()": "line 4: day reads the clock",
}

RANDOMNESS = {
    "import uuid\nTAG = uuid.uuid4().hex": "line 2: TAG draws random numbers (uuid.uuid4)",
    "import uuid\nTAG = uuid.uuid1()": "TAG draws random numbers (uuid.uuid1)",
    "import os\nKEY = len(os.urandom(4))": "KEY draws random numbers (os.urandom)",
    "import secrets\nKEY = len(secrets.token_hex())": "KEY draws random numbers (secrets.token_",
    "import random\nX = random.random() > 2": "X draws random numbers (random.Random.random)",
    "from random import choice\nX = choice([1, 1])": "X draws random numbers (random.",
    "import random\nR = random.Random()": "R draws random numbers (random.Random",
    "import random\nrandom.seed(42)": "line 2: seeds the random numbers of the process",
    "import random\nR = random.Random(id(object()))": "R differs from one import to the next",
    "import numpy as np\nR = np.random.default_rng()": "R draws random numbers",
    "import numpy as np\nR = np.random.RandomState()": "R draws random numbers",
    "import numpy as np\nX = np.random.rand() > 2": "draws or seeds the random numbers of numpy",
    "import numpy as np\nnp.random.seed(1)": "draws or seeds the random numbers of numpy",
    "X = len(open('/dev/urandom', 'rb').read(1))": "X draws random numbers (open)",
}

PROCESS_AND_WORLD = {
    "import os\nEVEN = os.getpid() < 0": "EVEN asks for the process or thread (os.getpid)",
    "import threading\nEVEN = threading.get_ident() < 0": "EVEN asks for the process or thread",
    "import socket\nsocket.getaddrinfo('127.0.0.1', 1)": "line 2: uses the network (socket.getaddrinfo)",
    "import socket\nwith socket.socket() as s:\n    s.bind(('127.0.0.1', 0))": "uses the network",
    "import subprocess\nOUT = subprocess.check_output(['true'])": "OUT starts a process (subprocess.",
    "import os\nos.system('true')": "starts a process (os.system)",
    "import os\nif os.fork() == 0:\n    os._exit(0)\nos.wait()": "starts a process (os.fork)",
    "open('made.txt', 'w').close()": "line 1: changes files (open)",
    "import helper\nfrom pathlib import Path\nPath(f'made{helper.new}').mkdir()": "changes files (pathlib.",
    "import helper, os\nopen(__file__)\nos.makedirs(f'made/{helper.new}')": "changes files (os",
    "import polars\npolars.DataFrame({'a': [1]}).write_csv('made.csv')": "changes files (polars.",
    "import polars\npolars.LazyFrame({'a': [1]}).sink_csv('made.csv')": "changes files (polars.",
    "import pyarrow as pa\nfrom pyarrow.parquet import write_table\n"
    "write_table(pa.table({'a': [1]}), 'made.parquet')": "changes files (pyarrow.parquet.write_table",
    "import pyarrow as pa, pyarrow.feather\n"
    "pyarrow.feather.write_feather(pa.table({'a': [1]}), 'made.feather')": "changes files (pyarrow.",
    "import tempfile\nHERE = len(tempfile.mkdtemp())": "HERE draws random numbers (tempfile.mkdtemp)",
    "import sqlite3\nDB = sqlite3.connect(':memory:')": "DB opens a connection (sqlite3.connect)",
    "import duckdb\nDB = duckdb.connect()": "DB opens a connection (duckdb.connect)",
    "import duckdb\nROWS = duckdb.sql('select 1').fetchall()": "ROWS reads data that may be other",
    "import polars as pl\nTABLE = pl.read_csv('rows.csv')": "TABLE reads data that may be other",
    "from polars import scan_csv\nTABLE = scan_csv('rows.csv')": "(polars.scan_csv)",
    "from pyarrow.csv import read_csv\nN = len(read_csv('rows.csv'))": "(pyarrow.csv.read_csv)",
    "import pandas as pd\nTABLE = pd.read_parquet('rows.parquet')": "(pyarrow.",
    "import sys\nsys.setprofile(None)": "sets a profile function",
}

VALUES = {
    # What the helper makes is not seen by its calls, because it is imported already.
    "import helper\nX = helper.new": "line 2: X differs from one import to the next",
    "import helper\nX = [{'a': (1, {helper.new})}]": "X differs from",
    "import helper, collections\nX = collections.deque([helper.new])": "X differs from",
    "import helper\ndef f(*, a=helper.new): pass": "line 2: f differs from",
    "import helper\nf = (lambda new: lambda: new)(helper.new)": "f differs from",
    "import helper, functools\nf = functools.partial(print, helper.new)": "f differs from",
    "import helper\nclass A:\n    started = helper.new": "line 3: A.started differs from",
    "import helper\nclass A:\n    def f(self, a=helper.new): pass": "line 3: A.f differs from",
    "import helper\nclass A:\n    __slots__ = ('a',)\nX = A()\nX.a = helper.new": "X differs from",
    "import helper, enum\nclass A(enum.Enum):\n    B = helper.new": "A.",
    "import helper, types\nX = types.SimpleNamespace(a=helper.new)": "X differs from",
    "import helper, types\nX = types.MappingProxyType({1: helper.new})": "X differs from",
    "import helper, uuid\nX = uuid.UUID(int=helper.new)": "X differs from",
    "import helper, pathlib\nX = pathlib.Path(str(helper.new))": "X differs from",
    "import helper, decimal\nX = decimal.Decimal(helper.new)": "X differs from",
    "import helper, datetime\nX = datetime.timedelta(helper.new % 9999)": "X differs from",
    "import helper, datetime\nX = datetime.datetime.fromtimestamp(helper.new % 10**9)": "X differs",
    "import helper, pandas\nX = pandas.Timestamp(helper.new % 10**9)": "X differs from",
    "import helper, pandas\nX = pandas.DataFrame({'a': [helper.new % 10**9]})": "X differs from",
    "import helper, numpy\nX = numpy.array([helper.new % 10**9])": "X differs from",
    "import helper, numpy\nX = numpy.random.default_rng(helper.new)": "X differs from",
    "import helper, random\nX = random.Random(helper.new)": "X differs from",
    "import helper, re\nX = re.compile(str(helper.new))": "X differs from",
    "import helper, pydantic\nclass A(pydantic.BaseModel):\n    a: int = helper.new": "A.a differs",
    "import helper, pydantic\nclass A(pydantic.BaseModel):\n    a: int\nX = A(a=helper.new)": "X diff",
    "import helper, attr\n@attr.s\nclass A:\n    a = attr.ib(default=helper.new)": "A.",
    "import helper, dataclasses\n@dataclasses.dataclass\nclass A:\n    a: int = helper.new": "A.a dif",
    "import helper, os\nos.environ['MADE'] = str(helper.new)": "os.environ: MADE differs from",
    "import helper\nif helper.new % 2 < 3:\n    globals()[f'x{helper.new}'] = 1": "one of two imports",
    "X = list(range(300_000))\nX[0] = [[] for _ in range(300_000)]": "is too large to compare",
    "import helper, dagster\nclass A(dagster.Config):\n    a: str = str(helper.new)": "A.a differs",
    "import helper, dagster\n@dagster.asset(metadata={'a': helper.new})\ndef a(): pass": "a differs",
    "import helper, dagster\n@dagster.op(tags={'a': str(helper.new)})\ndef a(): pass": "a differs",
    "import helper, dagster\n@dagster.op(config_schema=dagster.Field(int, default_value=helper.new))\n"
    "def a(): pass": "a differs",
    "import helper, dagster\nclass A(dagster.ConfigurableResource):\n    a: int\n"
    "X = dagster.Definitions(resources={'a': A(a=helper.new)})": "X differs",
}

REPEATABLE = [
    "from pathlib import Path\nPath('made').mkdir(exist_ok=True)",
    "import os\nos.makedirs('made/deep', exist_ok=True)",
    "import tempfile\ntempfile.tempdir = None\nX = tempfile.gettempdir()",
    "import random\nR = random.Random(42)\nX = R.random()\nR.shuffle([1, 2, 3])",
    "import numpy as np\nR = np.random.default_rng(42)\nX = R.random(3)",
    "import logging\nlog = logging.getLogger('x')\nlogging.basicConfig()\nlog.warning('hello')",
    "import warnings\nwarnings.warn('hello')",
    "import time\nX = time.strftime('%Y', time.gmtime(0)), time.localtime(0), time.ctime(0)",
    "import datetime\nX = datetime.datetime(2020, 1, 1), datetime.datetime.fromtimestamp(0)",
    "import os, pathlib\nX = os.listdir('.') != [], pathlib.Path(__file__).read_text()",
    "import socket, os\nX = socket.gethostname(), os.environ.get('PATH'), os.cpu_count()",
    "import os\nos.environ['MADE'] = 'always'",
    "X = {'a', 'b', 'c'}, frozenset('xyz'), {k: 1 for k in {'a', 'b', 'c'}}",
    "X = object(), [object()], lambda: None, iter([]), (n for n in ())",
    "import dataclasses\n@dataclasses.dataclass\nclass A:\n    a: list = dataclasses.field("
    "default_factory=list)\nX = A()\nprint(repr(X))",
    "import threading\nX = threading.Lock(), threading.RLock(), threading.local(), threading.Event()",
    "import functools\n@functools.lru_cache\ndef f(a): return object()\nf(1)\n"
    "class A:\n    @functools.cached_property\n    def b(self): return id(self)\nX = A()\nX.b",
    "import enum, re, typing\nclass A(enum.Flag):\n    B = 1\nX = A.B, re.compile('a'), "
    "typing.Optional[int], list[int]\nT = typing.TypeVar('T')\n"
    "class G(typing.Generic[T]): pass\nclass N(typing.NamedTuple):\n    a: int = 1",
    "import abc, pydantic\nclass A(pydantic.BaseModel, abc.ABC):\n    a: int = 1\n"
    "    b: list[str] = pydantic.Field(default_factory=list)\nX = A(), A.model_json_schema()",
    "import attr\n@attr.s(frozen=True, cache_hash=True)\nclass A:\n    a = attr.ib(default='x')\n"
    "X = A()\nhash(X)",
    "import dagster\nX = dagster.DailyPartitionsDefinition('2024-01-01')\n"
    "Y = dagster.MultiPartitionsDefinition({'a': X, 'b': dagster.StaticPartitionsDefinition(['x'])})\n"
    "@dagster.asset(partitions_def=X)\ndef a(): pass\n"
    "j = dagster.define_asset_job('j', [a], partitions_def=X)\n"
    "s = dagster.build_schedule_from_partitioned_job(j)\n"
    "d = dagster.Definitions([a], [s], jobs=[j])",
    "import datetime, dagster\nX = dagster.FreshnessPolicy.cron('0 9 * * *', datetime.timedelta(hours=1))",
    "import logging, helper\nclass L(logging.Logger): pass\n"
    "L.__qualname__ = str(helper.new)\nX = L('x')\ndel L, helper",
    "import sqlalchemy, sqlalchemy.orm\nX = sqlalchemy.create_engine('sqlite://')\n"
    "Y = sqlalchemy.orm.sessionmaker(X), sqlalchemy.orm.declarative_base()",
    "import sklearn.linear_model\nX = sklearn.linear_model.LinearRegression()",
    "import polars\nX = polars.DataFrame({'a': [1]})",
    "import pyarrow\nX = pyarrow.table({'a': [1]}), pyarrow.schema([('a', pyarrow.int64())])",
    "from helper import new",
]

LOOKS = {
    "import os\nX = os.path.exists('absent.txt')": {"absent.txt": "nothing"},
    "import os\nX = os.path.exists('rows.csv'), os.path.isdir('site-packages/..')": {
        "rows.csv": "file",
        ".": "folder",
    },
    "from pathlib import Path\nX = Path('rows.csv').is_file(), Path('away').exists()": {
        "rows.csv": "file",
        "away": "nothing",
    },
    "import os\nX = os.path.getmtime('rows.csv') > 0": {"rows.csv": "mark"},
    "from pathlib import Path\nX = Path('rows.csv').stat().st_size > 0": {"rows.csv": "mark"},
    "import os\nX = os.access('rows.csv', os.R_OK)": {"rows.csv": "file"},
    "import os\nos.makedirs('made/deep', exist_ok=True)": {"made/deep": "folder"},
}
"""Files that a module asks about without opening them, and as what that looks."""

HOSTILE = [
    "class A:\n    def __getattribute__(self, name): 1 / 0\n    __repr__ = __eq__ = __hash__ = "
    "lambda *a: 1 / 0\nX = A(), [A()]",
    "class A:\n    @property\n    def __class__(self): 1 / 0\n    @property\n"
    "    def __dict__(self): 1 / 0\nX = A()",
    "class M(type):\n    def __getattribute__(cls, name): 1 / 0\n    __eq__ = lambda *a: 1 / 0\n"
    "    __hash__ = __instancecheck__ = __subclasscheck__ = lambda *a: 1 / 0\n"
    "class A(metaclass=M): pass\nX = [type.__call__(A)]",
    "class D(dict):\n    items = keys = __iter__ = __getitem__ = __len__ = lambda *a: 1 / 0\n"
    "class L(list):\n    __iter__ = __len__ = lambda *a: 1 / 0\n"
    "class S(str):\n    encode = __str__ = __len__ = __getitem__ = lambda *a: 1 / 0\n"
    "class I(int):\n    __repr__ = __index__ = lambda *a: 1 / 0\nX = D(a=1), L([1]), S('a'), I(1)",
    "X = []\nX.append(X)\nY = {'a': X}\nY['b'] = Y\nclass A: pass\nZ = A()\nZ.me = Z\nZ.x = {1: Z}",
    "X = None\nfor _ in range(100_000):\n    X = [X]",
    "import types, sys\nclass P(types.ModuleType):\n    def __getattr__(self, name): 1 / 0\n"
    "X = P('x')\nsys.modules['proxy_of_case'] = X\nsys.modules['object_of_case'] = object()",
    "X = 'x' * 50_000_000, b'x' * 50_000_000, '\\ud800', 10 ** 5000",
    "globals()[1] = 2\n__name__ = ['changed']\n__file__ = 3",
    "exec('def f(): return 1\\nf()', {'__name__': [], '__file__': 3})\nexec('1', {})",
]


def name_of(number: int) -> str:
    return f"case_{number}"


EXPECTED: list[tuple[str, str | None]] = [
    *(CLOCKS | RANDOMNESS | PROCESS_AND_WORLD | VALUES).items(),
    *((snippet, None) for snippet in [*REPEATABLE, *LOOKS, *HOSTILE]),
]
PROJECTS = ["example_user_code/repo.py", "tests/user_code/differential/repo.py", "shop.py"]


@dataclass(frozen=True)
class Rehearsed:
    """What the second process finds, by module or file, and at which files the code looks."""

    findings: dict[str, list[str]]
    looks: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Rehearsed:
    folder = tmp_path_factory.mktemp("code")
    for number, (snippet, _) in enumerate(EXPECTED):
        (folder / f"{name_of(number)}.py").write_text(snippet + "\n")
    (folder / "site-packages").mkdir()
    (folder / "site-packages" / "helper.py").write_text(
        "import os\nnew = int.from_bytes(os.urandom(6), 'big')\n"
    )
    (folder / "shop.py").write_text(generate(200))
    (folder / "rows.csv").write_text("a\n1\n")
    pandas = importlib.import_module("pandas")  # here, because each worker imports this module
    pandas.DataFrame({"a": [1]}).to_parquet(folder / "rows.parquet")
    files = [str(folder / name if name == "shop.py" else ROOT / name) for name in PROJECTS]
    modules = list(map(name_of, range(len(EXPECTED))))
    before = run(folder, "1", modules, files, None)
    result = Rehearsed({}, {})
    for path, (found, looks) in run(folder, "2", modules, files, before).items():
        name = os.path.relpath(path, ROOT) if path in files[:2] else Path(path).name
        result.findings[name] = found
        result.looks[name] = {
            os.path.relpath(each, folder): look if isinstance(look, str) else "mark"
            for each, look in looks.items()
        }
    return result


def run(folder: Path, seed: str, *data: Any) -> Any:
    result = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", PROGRAM],
        cwd=folder,
        env={**os.environ, "PYTHONHASHSEED": seed},
        input=json.dumps(data),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


@pytest.mark.parametrize("number", range(len(EXPECTED)), ids=[s[:60] for s, _ in EXPECTED])
def test_what_one_module_does(number: int, rehearsed: Rehearsed) -> None:
    snippet, expected = EXPECTED[number]
    found = rehearsed.findings[name_of(number)]
    if expected is None:
        assert found == [], snippet
    else:
        assert any(expected in each for each in found), (snippet, found)


@pytest.mark.parametrize("project", PROJECTS)
def test_repeatable_projects(project: str, rehearsed: Rehearsed) -> None:
    assert rehearsed.findings[project] == []


@pytest.mark.parametrize("snippet", LOOKS)
def test_files_that_are_asked_about(snippet: str, rehearsed: Rehearsed) -> None:
    number = [each for each, _ in EXPECTED].index(snippet)
    assert LOOKS[snippet].items() <= rehearsed.looks[name_of(number)].items()
