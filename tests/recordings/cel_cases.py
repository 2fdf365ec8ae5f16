"""What CEL is asked: expressions over one object, rules that do not compile, prices, and objects before and after.

`cel_record.py` plays them on a real kube-apiserver and stores its answers in cel-1.37.json; the unit tests of
fakekube.registry.cel play them again. Expressions stand one a line.
"""

from __future__ import annotations

from fakekube.meta.objects import KubeObject

_ITEM: KubeObject = {
    "type": "object",
    "required": ["k"],
    "properties": {"k": {"type": "string", "maxLength": 10}, "v": {"type": "integer"}},
}
_TEXT: KubeObject = {"type": "string", "maxLength": 50}
_TEXTS: KubeObject = {"type": "array", "maxItems": 8, "items": _TEXT}

# The schema of `self`, and one value of it.
SCHEMA: KubeObject = {
    "type": "object",
    "properties": {
        "i": {"type": "integer"},
        "j": {"type": "integer"},
        "neg": {"type": "integer"},
        "n": {"type": "number"},
        "whole": {"type": "number"},
        "b": {"type": "boolean"},
        "s": _TEXT,
        "t": _TEXT,
        "empty": _TEXT,
        "uni": _TEXT,
        "e": {"type": "string", "enum": ["on", "off"]},
        "by": {"type": "string", "format": "byte", "maxLength": 50},
        "d": {"type": "string", "format": "date"},
        "dt": {"type": "string", "format": "date-time"},
        "du": {"type": "string", "format": "duration"},
        "dw": {"type": "string", "format": "duration"},
        "ints": {"x-kubernetes-int-or-string": True},
        "intn": {"x-kubernetes-int-or-string": True},
        "l": {"type": "array", "maxItems": 8, "items": {"type": "integer"}},
        "el": {"type": "array", "maxItems": 8, "items": {"type": "integer"}},
        "ls": _TEXTS,
        "ll": {"type": "array", "maxItems": 4, "items": {"type": "array", "maxItems": 4, "items": {"type": "integer"}}},
        "set": {**_TEXTS, "x-kubernetes-list-type": "set"},
        "set2": {**_TEXTS, "x-kubernetes-list-type": "set"},
        "lm": {
            "type": "array",
            "maxItems": 5,
            "items": _ITEM,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"],
        },
        "lm2": {
            "type": "array",
            "maxItems": 5,
            "items": _ITEM,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"],
        },
        "m": {"type": "object", "maxProperties": 5, "additionalProperties": {"type": "integer"}},
        "ms": {"type": "object", "maxProperties": 5, "additionalProperties": _TEXT},
        "o": {
            "type": "object",
            "properties": {
                "a": {"type": "integer"},
                "b": _TEXT,
                "x-y": {"type": "integer"},
                "a.b": {"type": "integer"},
                "a/b": {"type": "integer"},
                "a__b": {"type": "integer"},
                "namespace": _TEXT,
                "in": {"type": "boolean"},
                "inner": {"type": "object", "properties": {"z": {"type": "integer"}}},
            },
        },
        "nul": {"type": "string", "nullable": True, "maxLength": 10},
        "ln": {"type": "array", "maxItems": 4, "items": {"type": "integer", "nullable": True}},
        "missing": _TEXT,
        "missingo": {"type": "object", "properties": {"a": {"type": "integer"}}},
        "missingl": {"type": "array", "maxItems": 3, "items": {"type": "integer"}},
        "emb": {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True},
        "pres": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "properties": {"known": {"type": "integer"}},
        },
        "pres2": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "properties": {"known": {"type": "integer"}},
        },
    },
}

OBJECT: KubeObject = {
    "i": 7,
    "j": 3,
    "neg": -7,
    "n": 2.5,
    "whole": 4,
    "b": True,
    "s": "hello",
    "t": "World",
    "empty": "",
    "uni": "häß€😀",
    "e": "on",
    "by": "aGVsbG8=",
    "d": "2024-02-29",
    "dt": "2024-03-10T12:34:56.789Z",
    "du": "1h30m",
    "dw": "3 days",
    "ints": "50%",
    "intn": 80,
    "l": [3, 1, 2],
    "el": [],
    "ls": ["b", "a", "c"],
    "ll": [[1, 2], [3]],
    "set": ["x", "y", "z"],
    "set2": ["z", "y", "x"],
    "lm": [{"k": "a", "v": 1}, {"k": "b", "v": 2}],
    "lm2": [{"k": "b", "v": 2}, {"k": "a", "v": 1}],
    "m": {"one": 1, "two": 2},
    "ms": {"k1": "v1", "k2": "v2"},
    "o": {
        "a": 1,
        "b": "bee",
        "x-y": 2,
        "a.b": 3,
        "a/b": 4,
        "a__b": 5,
        "namespace": "ns",
        "in": True,
        "inner": {"z": 9},
    },
    "nul": None,
    "ln": [1, None, 3],
    "emb": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm"}, "data": {"a": "b"}},
    "pres": {"known": 1, "unknown": {"deep": [1]}},
    "pres2": {"known": 1, "unknown": {"deep": [2]}},
}

_OPERATORS = """
self.i + self.j
self.i - self.j
self.i * self.j
self.i / self.j
self.neg / 2
self.i % self.j
self.neg % 3
-self.i
-(-9223372036854775807 - 1)
self.n * 2.0
self.n / 0.0
-self.n / 0.0
0.0 / 0.0
self.whole
self.whole / 3.0
9223372036854775807 + self.i
-9223372036854775807 - self.i
9223372036854775807 * self.i
(-9223372036854775807 - 1) / self.neg * -7 / -1
(-9223372036854775807 - 1) / -1
(-9223372036854775807 - 1) % -1
self.i / 0
self.i % 0
uint(self.i) + 1u
uint(self.i) - 8u
uint(self.j) * 3u
uint(self.j) / 0u
uint(self.j) % 2u
1u - 2u
self.s + self.t
self.by + b'!'
self.l + [4]
[4] + self.l
self.set + ['x', 'q']
self.set + self.set2
(self.set + ['q']) == ['q', 'x', 'y', 'z']
self.lm + self.lm2
(self.lm + [self.lm2[0]]).size()
self.set == self.set2
self.set == ['z', 'x', 'y']
['z', 'x', 'y'] == self.set
self.set != self.set2
self.lm == self.lm2
self.ls == ['b', 'a', 'c']
self.ls == ['a', 'b', 'c']
self.l == [3, 1, 2]
self.pres == self.pres2
self.pres == self.pres
self.m == {'one': 1, 'two': 2}
{'two': 2, 'one': 1} == self.m
self.i == 7
self.i == dyn(7.0)
self.i == dyn(7u)
self.i < 7.5
self.i <= self.n
self.i > 3u
self.n >= 2
uint(self.i) < self.n
1 == dyn(1.0) && 1u == dyn(1)
dyn(1) == dyn('1')
dyn(true) == dyn(1)
self.s < self.t
self.s >= 'hello'
self.s <= 'hellp'
'a' < 'B'
b'a' < b'b'
true > false
true && self.b
false || !self.b
self.b ? self.i : self.j
self.i > 5 ? (self.j > 5 ? 'a' : 'b') : 'c'
!self.b
true || self.i / 0 == 1
self.i / 0 == 1 || true
false && self.i / 0 == 1
self.i / 0 == 1 && false
self.i / 0 == 1 && true
self.i / 0 == 1 || false
false || self.i / 0 == 1
self.i / 0 == 1 && self.i % 0 == 1
self.i / 0 == 1 ? 1 : 2
true ? 1 : self.i / 0
self.l[0]
self.l[5]
self.l[-1]
[1, 2, 3][self.j]
[1, 2, 3][dyn(1.0)]
[1, 2, 3][dyn(1.5)]
[1, 2, 3][dyn('a')]
self.m['one']
self.m['three']
self.m['on' + 'e']
{'a': 1}['b']
{1: 'a'}[1]
{1: 'a'}[dyn(1u)]
{1: 'a'}[dyn(1.0)]
{true: 'a'}[true]
{1u: 'a'}[1u]
self.ll[0][1]
self.lm[0].k
self.lm[1].v
3 in self.l
9 in self.l
'one' in self.m
'three' in self.m
'x' in self.set
1 in {1: 2}
dyn(1.0) in [1, 2]
'k' in ['a', 'k']
self.s in ['hello']
type(self.i)
type(self.s) == string
type(self.intn) == int
type(self.ints) == string
type(self.n) == double
type(self.l) == list
type(self.m) == map
type(self.o) == map
type(null) == null_type
type(int)
type(self.dt)
type(self.du)
type(self.by)
type(1u)
type(true)
type(type(1))
type(ip('1.1.1.1')) == net.IP
type(cidr('1.1.1.0/24')) == net.CIDR
type(optional.none()) == optional_type
self.intn + 1
self.intn > 50
self.ints > 50
self.ints + 1
self.ints + '!'
self.intn == 80
self.ints == '50%'
self.ints.endsWith('%')
self.intn.endsWith('%')
self.intn.size()
size(self.ints)
self.intn.foo
self.intn[0]
-self.ints
!self.ints
self.ints * 2
self.ints - '1'
self.intn % 7
self.ints ? 1 : 2
self.intn && true
self.intn in [80]
self.intn.all(x, true)
self.ints.matches('[')
type(self.intn) == int ? self.intn * 2 : int(self.ints.replace('%', ''))
has(self.missing)
has(self.s)
has(self.nul)
has(self.o.a)
has(self.missingo.a)
has(self.m.one)
has(self.m.three)
has({'a': 1}.a)
has({'a': 1}.b)
has(self.emb.metadata)
has(self.emb.metadata.name)
self.missing
self.missingo.a
self.nul
self.nul == null
self.ln
self.ln[1] == null
self.ln[0] == 1
self.ln.all(x, x == null || x > 0)
self.ln.exists(x, x > 2)
self.ln.all(x, x > 0)
self.o.a
self.o.x__dash__y
self.o.a__dot__b
self.o.a__slash__b
self.o.a__underscores__b
self.o.namespace
self.o.__namespace__
self.o.__in__
self.o.inner.z
self.o.map(k, k).size()
self.emb.kind
self.emb.apiVersion
self.emb.metadata.name
self.emb.metadata.generateName
self.pres.known
size(self.pres)
size(self.o)
self.e
self.e == 'on'
self.uni
size(self.uni)
self.by
size(self.by)
self.d
self.dt
self.du
self.dw
string(self.by)
"""

_MACROS = """
self.l.all(x, x > 0)
self.l.all(x, x > 1)
self.l.exists(x, x > 2)
self.l.exists(x, x > 5)
self.l.exists_one(x, x > 2)
self.l.exists_one(x, x > 0)
self.l.existsOne(x, x > 2)
self.l.map(x, x * 2)
self.l.map(x, x > 1, x * 2)
self.l.filter(x, x > 1)
self.el.all(x, false)
self.el.exists(x, true)
self.el.map(x, x)
self.m.all(k, self.m[k] > 0)
self.m.exists(k, k == 'two')
self.m.filter(k, self.m[k] > 1)
self.m.map(k, k.size())
self.m.exists_one(k, k == 'one')
self.lm.all(e, e.v > 0)
self.lm.map(e, e.k)
self.lm.filter(e, e.v > 1).map(e, e.k)
self.l.all(x, 6 / x > 1)
[0, 1].exists(x, 1 / x == 1)
[0, 1].all(x, 1 / x == 2)
[1, 0].all(x, 1 / x == 1)
[0].exists(x, 1 / x == 1)
[0, 1].exists_one(x, 1 / x == 1)
[0, 1].map(x, 1 / x)
[0, 1].filter(x, 1 / x == 1)
self.l.all(x, self.ls.exists(y, y == 'a' && x > 0))
self.l.map(x, self.l.map(y, x * y))
self.l.all(i, x, i >= 0 && x > 0)
self.l.exists(i, x, i == 2 && x == 2)
self.l.exists_one(i, x, i == x)
self.l.existsOne(i, x, x == 3)
self.l.transformList(i, x, i + x)
self.l.transformList(i, x, i > 0, x * 10)
self.l.transformMap(i, x, x * 10)
self.l.transformMap(i, x, i > 0, x * 10)
self.ls.transformMapEntry(i, x, {x: i})
self.ls.transformMapEntry(i, x, i > 0, {x: i})
self.l.transformMapEntry(i, x, {'same': x})
self.m.all(k, v, k.size() == 3 && v > 0)
self.m.exists(k, v, v == 2)
self.m.exists_one(k, v, v == 2)
self.m.transformList(k, v, v > 1, k)
self.m.transformMap(k, v, v + 1)
self.m.transformMapEntry(k, v, {v: k})
self.m.transformMap(k, v, v > 1, v)
self.o.exists(k, k == 'a')
self.ll.map(x, x.size())
self.ll.all(x, x.all(y, y > 0))
self.l.sortBy(x, -x)
self.ls.sortBy(x, x)
self.lm.sortBy(e, -e.v).map(e, e.k)
self.l.map(x, x / 0)
dyn(1).all(x, true)
dyn('a').map(x, x)
dyn(self.l).all(x, x > 0)
dyn(self.m).all(k, k != '')
self.?i.orValue(1)
self.?missing.orValue('none')
self.?missingo.?a.orValue(5)
self.?missingo.a.orValue(5)
self.?missingo.hasValue()
self.?o.inner.z
self.?o.?inner.?z.value()
self.m[?'one'].orValue(9)
self.m[?'three'].orValue(9)
self.l[?1].value()
self.l[?9].hasValue()
self.l[?9].orValue(-1)
self.?missing.value()
optional.of(1).value()
optional.none().hasValue()
optional.none().value()
optional.of(1) == optional.of(1)
optional.none() == optional.none()
optional.of(1) == optional.none()
optional.ofNonZeroValue(0).hasValue()
optional.ofNonZeroValue('').hasValue()
optional.ofNonZeroValue([]).hasValue()
optional.ofNonZeroValue({}).hasValue()
optional.ofNonZeroValue(self.s).value()
optional.ofNonZeroValue(false).hasValue()
optional.ofNonZeroValue(0.0).hasValue()
optional.ofNonZeroValue(null).hasValue()
optional.none().or(optional.of(2)).value()
optional.of(1).or(optional.of(2)).value()
self.?missing.or(self.?s).orValue('z')
self.?s.optMap(x, x + '!').orValue('none')
self.?missing.optMap(x, x + '!').orValue('none')
self.?s.optFlatMap(x, optional.of(x.size())).value()
self.?missing.optFlatMap(x, optional.of(x.size())).hasValue()
[?optional.of(1), ?optional.none(), 2]
{?'a': optional.of(1), ?'b': optional.none()}
[optional.of(1), optional.none()].unwrapOpt()
optional.unwrap([optional.of('a'), optional.none()])
self.l.first().value()
self.l.last().value()
self.el.first().hasValue()
self.el.last().hasValue()
has(self.?o.a)
has(self.?missingo.a)
{'a': 1, 'b': 2}
[1, 2]
{}
[]
[[], [1]]
null
"""

_STRINGS = """
self.s.contains('ell')
self.s.contains('')
self.s.startsWith('he')
self.s.endsWith('lo')
self.s.size()
size('')
self.uni.size()
self.s.charAt(1)
self.s.charAt(5)
self.s.charAt(6)
self.s.charAt(-1)
self.uni.charAt(4)
self.s.indexOf('l')
self.s.indexOf('z')
self.s.indexOf('')
self.s.indexOf('l', 3)
self.s.indexOf('l', 4)
self.s.indexOf('l', 99)
self.s.indexOf('', 99)
self.s.indexOf('l', -1)
self.s.lastIndexOf('l')
self.s.lastIndexOf('')
self.s.lastIndexOf('l', 2)
self.s.lastIndexOf('l', 99)
self.s.lastIndexOf('hello!')
self.s.lastIndexOf('l', -1)
self.empty.lastIndexOf('')
self.empty.lastIndexOf('a')
self.t.lowerAscii()
self.uni.upperAscii()
self.s.upperAscii()
self.s.replace('l', 'L')
self.s.replace('l', 'L', 1)
self.s.replace('l', 'L', 0)
self.s.replace('l', 'L', -1)
self.s.replace('', '-')
self.s.replace('', '-', 2)
self.s.replace('ll', '')
'a,b,c'.split(',')
'a,b,c'.split(',', 2)
'a,b,c'.split(',', 0)
'a,b,c'.split(',', -1)
'a,b,c'.split(',', 1)
self.s.split('')
self.s.split('', 2)
''.split(',')
self.s.substring(1)
self.s.substring(1, 3)
self.s.substring(5)
self.s.substring(6)
self.s.substring(3, 1)
self.s.substring(-1)
self.s.substring(0, 99)
self.uni.substring(1, 3)
'  a b\\t\\n'.trim()
'\\u00a0a\\u2003'.trim()
self.ls.join()
self.ls.join('-')
[].join(',')
strings.quote(self.s)
strings.quote('a"b\\\\c\\n\\t')
strings.quote(self.uni)
'%s'.format([self.s])
'%s %s'.format([self.s, self.t])
'%d'.format([self.i])
'%d'.format([self.neg])
'%d%%'.format([self.i])
'%f'.format([self.n])
'%.2f'.format([self.n])
'%.0f'.format([self.n])
'%.3f'.format([1234567.8915])
'%e'.format([self.n])
'%.2e'.format([12345.678])
'%.1e'.format([0.000123])
'%b'.format([self.i])
'%b'.format([true])
'%b'.format([self.neg])
'%x'.format([255])
'%X'.format([255])
'%x'.format([-255])
'%x'.format([self.s])
'%X'.format([b'\\xff\\x0a'])
'%o'.format([8])
'%o'.format([-8])
'%s'.format([1])
'%s'.format([1u])
'%s'.format([1.5])
'%s'.format([true])
'%s'.format([null])
'%s'.format([b'abc'])
'%s'.format([self.l])
'%s'.format([self.m])
'%s'.format([self.ls])
'%s'.format([self.ms])
'%s'.format([[1.5, 2.0]])
'%s'.format([{1: true}])
'%s'.format([{true: 'x'}])
'%s'.format([self.dt])
'%s'.format([self.du])
'%s'.format([[self.dt]])
'%s'.format([[self.du]])
'%s'.format([[null]])
'%s'.format([[b'a']])
'%s'.format([type(1)])
'%s'.format([[type(1)]])
'%s'.format([self.o.inner])
'%s'.format(dyn([]))
'%d'.format([dyn('a')])
'%f'.format([dyn(1)])
'%f'.format(['NaN'])
'%f'.format(['Infinity'])
'%e'.format(['-Infinity'])
'%f'.format([dyn('abc')])
'%e'.format([dyn(true)])
'%b'.format([dyn('x')])
'%x'.format([dyn(1.5)])
'%o'.format([dyn('x')])
'%s'.format([dyn(quantity('1'))])
self.s.matches('^h.*o$')
self.s.matches('^x')
matches(self.s, 'l+')
self.s.matches('[[:alpha:]]+$')
self.s.matches('(?i)HELLO')
self.s.matches('\\\\w+')
self.s.matches('h(e|a)llo')
self.s.matches('^[a-z]{5}$')
self.s.matches('^[a-z]{6,}$')
self.uni.matches('^\\\\pL+')
'a\\n'.matches('a$')
'a\\nb'.matches('(?m)^b$')
'a\\nb'.matches('a.b')
'a\\nb'.matches('(?s)a.b')
self.s.matches(self.t + '(')
self.s.matches(self.empty + '*')
self.s.matches(self.empty + '[a')
self.s.matches(self.empty + '(?=a)')
self.s.find('l+')
self.s.find('z')
self.s.find('[aeiou]')
self.s.findAll('l')
self.s.findAll('[a-z]', 2)
self.s.findAll('[a-z]', 0)
self.s.findAll('[a-z]', -1)
self.s.findAll('z')
self.s.findAll('')
'a1b22'.findAll('[0-9]+')
'foobar'.find('o(b)?')
self.s.find(self.empty + '(')
self.s.findAll(self.empty + ')')
"""

_CONVERSIONS = """
int('42')
int(self.s)
int('-7')
int('+7')
int(2.9)
int(-2.9)
int(1e30)
int(7u)
int(18446744073709551615u)
int(self.dt)
int(self.du)
int('9223372036854775808') == 1
uint(7)
uint(-1)
uint(self.neg)
uint('7')
uint(self.t)
uint(2.9)
uint(-2.9)
double(7)
double(self.i)
double('1.5')
double('1e3')
double(self.s)
double('NaN')
double('Inf')
string(7)
string(1.5)
string(1e21)
string(1e20)
string(0.0001)
string(0.00001)
string(100000.0)
string(self.whole)
string(1.0 / 3.0)
string(true)
string(7u)
string(self.du)
string(duration('1.5s'))
string(duration('-90m'))
string(self.dt)
string(b'abc')
string(bytes(self.s))
string(b'\\xff')
string(null) == 'a'
bool('true')
bool('False')
bool(self.s)
bool('1')
bytes(self.s)
bytes(self.uni).size()
duration('1h')
duration('1h2m3s4ms5us6ns')
duration(self.s)
duration('-1.5h')
duration('0')
duration('1d') == self.du
timestamp('2024-01-01T00:00:00Z')
timestamp('2024-01-01T00:00:00.123456789Z')
timestamp('2024-01-01T02:00:00+02:00')
timestamp(0)
timestamp(1700000000)
timestamp(self.i)
timestamp(self.s)
timestamp(253402300800)
dyn(self.i)
self.dt + self.du
self.du + self.dt
self.dt - self.du
self.dt - timestamp('2024-03-10T00:00:00Z')
self.du + duration('30m')
self.du - duration('2h')
self.du > duration('1h')
self.dt > timestamp('2024-01-01T00:00:00Z')
self.d < self.dt
self.d == timestamp('2024-02-29T00:00:00Z')
duration('2562047h') + duration('2562047h')
timestamp('9999-12-31T23:59:59Z') + duration('1s')
timestamp('0001-01-01T00:00:00Z') - duration('1s')
-duration('1s') == duration('-1s')
self.dt.getFullYear()
self.dt.getMonth()
self.dt.getDayOfYear()
self.dt.getDayOfMonth()
self.dt.getDate()
self.dt.getDayOfWeek()
self.dt.getHours()
self.dt.getMinutes()
self.dt.getSeconds()
self.dt.getMilliseconds()
self.dt.getHours('+02:00')
self.dt.getHours('-02:30')
self.dt.getMinutes('-02:30')
self.dt.getHours('America/New_York')
self.dt.getHours('UTC')
self.dt.getHours('Nowhere/At_All')
self.dt.getHours('+2:99')
self.dt.getHours('ab:cd')
self.dt.getFullYear('Asia/Tokyo')
self.dt.getDayOfWeek('Asia/Tokyo')
self.du.getHours()
self.du.getMinutes()
self.du.getSeconds()
self.du.getMilliseconds()
duration('-90m').getHours()
self.dw.getHours()
"""

_LISTS = """
self.l.isSorted()
[1, 2, 2].isSorted()
self.el.isSorted()
self.ls.isSorted()
['a', 'b'].isSorted()
[1.0, 0.5].isSorted()
[duration('1s'), duration('2s')].isSorted()
self.l.sum()
self.el.sum()
[1.5, 2.5].sum()
[1u, 2u].sum()
[duration('1m'), duration('1s')].sum()
[9223372036854775807, 1].sum()
self.l.min()
self.l.max()
self.el.min()
self.el.max()
self.ls.min()
self.ls.max()
[true, false].max()
self.l.indexOf(1)
self.l.indexOf(9)
self.ls.lastIndexOf('c')
[1, 2, 1].lastIndexOf(1)
[1, 2, 1].indexOf(1)
self.l.slice(1, 3)
self.l.slice(0, 0)
self.l.slice(1, 9)
self.l.slice(2, 1)
self.l.slice(-1, 1)
self.ll.flatten()
[[1], [[2]]].flatten() == [[1]]
self.ll.flatten(1)
self.ll.flatten(0)
self.ll.flatten(-1)
[[[1]], [[2]]].flatten(2)
self.l.sort()
self.ls.sort()
self.el.sort()
[3.5, 1.5].sort()
self.l.reverse()
self.ls.distinct()
[1, 2, 1, 3].distinct()
lists.range(4)
lists.range(0)
lists.range(self.neg)
sets.contains(self.l, [1, 2])
sets.contains(self.l, [9])
sets.contains([], [])
sets.equivalent(self.l, [1, 2, 3, 3])
sets.equivalent(self.l, [1, 2])
sets.intersects(self.l, [9, 1])
sets.intersects(self.l, [])
sets.contains(self.set, self.set2)
sets.equivalent(self.set, self.set2)
sets.contains([1, 2], [dyn(1.0)])
size(self.l)
self.m.size()
"""

_LIBRARIES = """
isURL('https://a.b/c')
isURL('/path')
isURL('a.b')
isURL('')
isURL('https://a b')
isURL('http://[::1]:80/')
isURL('http://[::1')
isURL('http://a:b/')
isURL('https://a/%zz')
url('https://user:pw@a.b:8080/p/q?x=1&x=2&y=a+b#frag').getScheme()
url('https://a.b:8080/p').getHost()
url('https://a.b:8080/p').getHostname()
url('https://a.b:8080/p').getPort()
url('https://a.b/p').getPort()
url('https://[::1]:80/').getHost()
url('https://[::1]:80/').getHostname()
url('https://[::1]:80/').getPort()
url('https://a.b/p q/').getEscapedPath()
url('https://a.b/p%20q/').getEscapedPath()
url('https://a.b').getEscapedPath()
url('https://a.b/ü?k=ü').getEscapedPath()
url('https://a.b/x?k1=a&k2=b&k2=c').getQuery()
url('https://a.b/x?').getQuery()
url('https://a.b/x?a=%20b&c').getQuery()
url('/path?x=1').getScheme()
url('/path').getHost()
url('mailto:a@b').getHost()
url(self.s)
url('')
url('https://a b')
url('http://[::1')
url('http://a:b/')
url('https://a/%zz')
url(':x')
url('https://a.b') == url('https://a.b')
quantity('1Ki').asInteger()
quantity('1500m').asInteger()
quantity('1500m').isInteger()
quantity('1k').isInteger()
quantity('9999999999999999999999').isInteger()
quantity('1.5').asApproximateFloat()
quantity('1Gi').isGreaterThan(quantity('1G'))
quantity('1Gi').isLessThan(quantity('1G'))
quantity('1').compareTo(quantity('1000m'))
quantity('1').compareTo(quantity('2'))
quantity('-1').isLessThan(quantity('0'))
quantity('1') == quantity('1000m')
quantity('1').add(quantity('500m')) == quantity('1500m')
quantity('1').add(2) == quantity('3')
quantity('1').sub(quantity('500m')) == quantity('500m')
quantity('5').sub(2).asInteger()
quantity('50Mi').add(20).sub(5).asInteger()
sign(quantity('-5'))
sign(quantity('0'))
isQuantity('1.5Gi')
isQuantity('1.5Gx')
isQuantity('')
isQuantity('1e3')
isQuantity(' 1')
quantity(self.s)
quantity('')
quantity('1.5Gx')
quantity('1..5')
ip('192.168.0.1').family()
ip('::1').family()
ip('192.168.0.1') == ip('192.168.0.1')
ip('::1') == ip('0:0:0:0:0:0:0:1')
string(ip('0:0::1'))
string(ip('192.168.0.1'))
ip('127.0.0.1').isLoopback()
ip('::1').isLoopback()
ip('0.0.0.0').isUnspecified()
ip('::').isUnspecified()
ip('224.0.0.1').isLinkLocalMulticast()
ip('ff02::1').isLinkLocalMulticast()
ip('ff05::1').isLinkLocalMulticast()
ip('169.254.1.1').isLinkLocalUnicast()
ip('fe80::1').isLinkLocalUnicast()
ip('8.8.8.8').isGlobalUnicast()
ip('255.255.255.255').isGlobalUnicast()
ip('224.0.0.1').isGlobalUnicast()
ip('2001:db8::1').isGlobalUnicast()
ip('10.0.0.1').isGlobalUnicast()
isIP('1.2.3.4')
isIP('1.2.3')
isIP('1.2.3.256')
isIP('::1%eth0')
isIP('::ffff:1.2.3.4')
isIP('1.2.3.04')
isIP('')
ip.isCanonical('::1')
ip.isCanonical('0:0::1')
ip.isCanonical('1.2.3.4')
ip.isCanonical('x')
ip(self.s)
ip('')
ip('1.2.3')
ip('1.2.3.4.5')
ip('1.2.3.256')
ip('1.2.3.04')
ip('1.2..4')
ip('1.2.3.x')
ip('::ffff:1.2.3.4')
ip('fe80::1%eth0')
ip('fe80::1%')
ip('1::2::3')
ip('12345::')
ip('::g')
ip('1:2:3')
ip('1:2:3:4:5:6:7:8:9')
ip('%eth0')
cidr('192.168.0.0/24').containsIP('192.168.0.5')
cidr('192.168.0.0/24').containsIP(ip('192.168.1.5'))
cidr('192.168.0.0/24').containsIP('::1')
cidr('192.168.0.0/24').containsIP('x')
cidr('192.168.0.0/16').containsCIDR('192.168.10.0/24')
cidr('192.168.0.0/24').containsCIDR(cidr('192.168.0.0/16'))
cidr('::/0').containsCIDR('2001:db8::/32')
string(cidr('192.168.0.5/24').ip())
cidr('192.168.0.5/24').prefixLength()
string(cidr('192.168.0.5/24').masked())
string(cidr('192.168.0.5/24'))
cidr('192.168.0.0/24') == cidr('192.168.0.0/24')
cidr('192.168.0.5/24') == cidr('192.168.0.0/24')
isCIDR('10.0.0.0/8')
isCIDR('10.0.0.0/33')
isCIDR('10.0.0.0')
isCIDR('::/129')
isCIDR('10.0.0.0/08')
cidr(self.s)
cidr('10.0.0.0/33')
cidr('10.0.0.0')
cidr('10.0.0/8')
cidr('10.0.0.0/x')
cidr('::ffff:1.2.3.4/120')
semver('1.2.3').major()
semver('1.2.3').minor()
semver('1.2.3').patch()
semver('1.2.3-alpha.1+build').patch()
semver('1.2.3').isLessThan(semver('1.10.0'))
semver('1.2.3').isGreaterThan(semver('1.2.3-rc.1'))
semver('1.2.3-rc.1').compareTo(semver('1.2.3-rc.2'))
semver('1.2.3-rc.2').compareTo(semver('1.2.3-rc.10'))
semver('1.2.3-1').compareTo(semver('1.2.3-a'))
semver('1.2.3-a').compareTo(semver('1.2.3-a.1'))
semver('1.2.3+a') == semver('1.2.3+b')
semver('1.2.3') == semver('1.2.3')
isSemver('1.2.3')
isSemver('v1.2.3')
isSemver('v1.2.3', true)
isSemver('1.2', true)
isSemver('1.2')
isSemver('01.2.3')
isSemver('01.2.3', true)
semver('v1.2', true).minor()
semver('1', true).major()
semver('v1.02.3', true).minor()
semver('1.2-rc', true)
semver(self.s)
semver('')
semver('1.2')
semver('1.2.x')
semver('01.2.3')
semver('1.2.3-')
semver('1.2.3-01')
semver('1.2.3+')
semver('1.2.3-a_b')
format.dns1123Label().validate('ok-name').hasValue()
format.dns1123Label().validate('Bad_Name').value()
format.dns1123Subdomain().validate('a.b').hasValue()
format.dns1123Subdomain().validate('a..b').value()
format.dns1035Label().validate('1a').value()
format.qualifiedName().validate('a/b/c').value()
format.qualifiedName().validate('example.com/Name').hasValue()
format.dns1123LabelPrefix().validate('a-').hasValue()
format.dns1123SubdomainPrefix().validate('a.b-').hasValue()
format.dns1035LabelPrefix().validate('a-').hasValue()
format.labelValue().validate('a b').value()
format.labelValue().validate('').hasValue()
format.uri().validate('https://a').hasValue()
format.uri().validate('a b').value()
format.uri().validate('http://[::1').value()
format.uuid().validate('123e4567-e89b-12d3-a456-426614174000').hasValue()
format.uuid().validate('x').value()
format.byte().validate('aGVsbG8=').hasValue()
format.byte().validate('*').value()
format.date().validate('2024-02-29').hasValue()
format.date().validate('2024-02-30').value()
format.datetime().validate('2024-02-29T00:00:00Z').hasValue()
format.datetime().validate('x').value()
format.named('dns1123Label').value().validate('A').hasValue()
format.named('nothing').hasValue()
format.dns1123Label() == format.dns1123Label()
"""

# Rules as they stand: what is refused when the definition is created, with places and words.
_REFUSED = r"""
self.none == 1
self.s == 1
self.s + 1 == 's1'
self.i + 'a' == 'b'
self.i == 'a'
self.i + 1
self.s
1
'a'
null
[true]
self
foo
foo == bar
foo()
self.foo()
self.s.foo()
self.s.size(1)
size()
size(1)
self.i.startsWith('a')
self.s.startsWith(1)
self.l.all(x, x)
self.l.all(x)
self.l.all(1, true)
self.l.all(x.y, true)
self.l.map(1, x)
self.l.filter(1, x)
self.l.exists(1, true)
self.l.exists_one(a.b, true)
self.l.existsOne(1, true)
self.l.all(x, x.foo)
self.l.all(x, y)
self.l.all(x, x, true)
self.l.all(1, x, true)
self.l.transformList(1, x, x) == []
self.l.map(x, x).foo
self.i.all(x, true)
self.s.all(x, true)
has(self)
has(foo)
has(self.none)
has(self.s.x)
has(self.l[0])
self.s.x == 1
self.i.x == 1
self.m.foo == 1
self.m['a'] == 'b'
self.m[1] == 1
self.l['a'] == 1
self.l[0] == 'a'
self.o.none
self.o.x-y == 1
self.pres.unknown == 1
self.emb.data == 1
self.emb.metadata.labels == {}
self.emb.metadata.namespace == 'a'
self.ints.foo()
self.nul.foo == 1
self.i && true
true && self.i
self.i && self.s
self.s || true
!self.i
-self.s == 'a'
self.b ? 1 : 'a'
self.i ? true : false
self.b ? true : 1
self.i < 'a'
self.s < 1
self.b < 1
self.l < [1]
self.i in self.s
self.i in ['a']
'a' in self.l
1 in self.m
self.l == ['a']
self.l == self.ls
self.o == self.m
self.o == self.pres
self.l + ['a'] == []
[1, 'a'] == []
[1, 2.0] == []
{'a': 1, 'b': 'c'} == {}
{'a': 1, 2: 3} == {}
[dyn(1), 'a'] == []
{'a': dyn(1), 'b': 'c'} == {}
'%s %d'.format(['a', 1]) == 'a'
'%s'.format([]) == ''
'%s'.format(['a', 'b']) == ''
'%q'.format(['a']) == ''
'%'.format(['a']) == ''
'%d'.format(['a']) == ''
'%f'.format([1]) == ''
'%e'.format([true]) == ''
'%b'.format(['a']) == ''
'%x'.format([1.0]) == ''
'%o'.format(['a']) == ''
'%.f'.format([1.0]) == ''
'%.'.format([1.0]) == ''
'%s'.format([quantity('1')]) == ''
'%s'.format([[quantity('1')]]) == ''
'%s'.format([{'a': quantity('1')}]) == ''
duration('x') == self.du
duration(1) == self.du
timestamp('x') == self.dt
timestamp(true) == self.dt
self.s.matches('(')
self.s.matches('[a')
self.s.matches('*')
self.s.matches('a**')
self.s.matches('a{2,1}')
self.s.matches('(?=a)')
self.s.matches('\\')
self.s.matches('[z-a]')
self.s.matches('\\8')
self.s.matches('(?P<n>a')
matches('[', 'a')
self.s.find('(') == ''
self.s.findAll('[a') == []
int('abc') == 1
uint('-1') == 1u
double('x') == 1.0
bool('x')
string(b'\xff') == ''
int(true) == 1
string([1]) == ''
type(self.i) == string
self.dt + 1 == self.dt
self.dt + self.dt == self.dt
self.dt == self.du
self.d == '2024-01-01'
self.by == 'a'
self.e == 1
quantity(1) == quantity('1')
quantity('1') == 1
quantity('1') < quantity('2')
quantity('1').foo
quantity('1').add('1') == quantity('2')
ip(1) == ip('1')
cidr('1.1.1.1/8').containsIP(1)
url('a').foo() == 1
semver('1.0.0') > semver('0.1.0')
isSemver('1', 1)
format.none()
format.dns1123Label().validate(1) == optional.none()
format.named(1) == optional.none()
optional.of(1) == 1
optional.none() == 1
self.?none.orValue(1) == 1
self.?i.orValue('a') == 1
self.?i == 1
self.?'i' == optional.none()
self.i.?x == optional.none()
self.?missing.orValue(1) == 1
optional.of(1).optMap(1, 2) == optional.none()
optional.of(1).optFlatMap(1, 2) == optional.none()
[?1] == []
{?'a': 1} == {}
self.l[?'a'] == optional.none()
self.m[?1] == optional.none()
sets.contains([1], ['a'])
sets.contains(1, [1])
sets.foo([1])
strings.quote(1) == ''
lists.range('a') == []
self.l.sort(1) == []
[self.o].sort() == []
[[1]].sum() == 1
['a'].sum() == 'a'
self.ls.sum() == ''
self.o.isSorted()
[self.o].min() == self.o
self.l.join() == ''
self.l.join(',') == ''
self.ls.join(1) == ''
self.s.split(1) == []
self.s.substring('a') == ''
self.s.replace('a') == ''
self.s.charAt('a') == ''
self.s.reverse() == ''
self.l.slice(1) == []
self.ll.flatten('a') == []
self.l.includes(1)
self.s.includes('a')
cel.bind(x, 1, x == 1)
math.greatest(1, 2) == 2
math.abs(-1) == 1
base64.encode(b'a') == 'a'
authorizer.path('/').check('get').allowed()
object.metadata.name == 'a'
request.userInfo == 1
oldSelf == self
oldSelf.i == 1
oldSelf.none == 1
oldSelf.hasValue()
self.i.getHours() == 1
self.dt.getHours(1) == 1
self.du.getFullYear() == 1
Foo{a: 1} == 1
google.protobuf.Duration{seconds: 1} == self.du
selfType{} == self
self.i == google.protobuf.Timestamp
net.IP == 1
int == 1
int(
self.
self.s ==
== 1
self.i = 1
self.i === 1
self.i & 1
self.i | 1
self.i ++ 1
1 +
(1
1)
[1
{'a'
{'a': }
{'a': 1
'abc
"abc
'a' 'b'
a b c
self..i
self.i[
self.i]
self.i[0
.5 == 0.5
.self.i == 7
1.2.3
0x == 1
0xFFg == 1
99999999999999999999 == 1
18446744073709551616u == 1u
-9223372036854775809 == 1
1e999 == 1.0
1u == 1
'\q' == 'a'
'\xZZ' == 'a'
'\u12' == 'a'
'\400' == 'a'
b'é' == b'a'
r'\d' == '\\d'
"""
_REFUSED_LINES = (
    "self.i == 7 // comment",
    "// comment only",
    "self.i\n == 'a'",
    "self.i == 7 &&\n  self.none == 2 &&\n  self.s + 1 == 'x'",
    "\tself.none == 1",
    "self.none == 'ü' || foo",
    "'ü' == self.none",
    "'日本' + self.none == 1",
    "if",
    "self.if == 1",
    "for == 1",
    "package.a == 1",
    "self.in == 1",
    "self.true == 1",
    "while(1)",
    "namespace == 'a'",
    "self.o.namespace == 'a'",
    "true",
    "false",
    "as",
    "self.`i` == 7",
    "@",
    "#",
    "$self",
    "self;",
    "self.i == 7;",
    "'a\nb' == 'a'",
    "'''a\nb''' == 'a'",
    "",
    " ",
    "(" * 30 + "true" + ")" * 30,
    " && ".join(["true"] * 60),
    " || ".join(["self.none"] * 3),
    "self.i" + " + 1" * 29 + " == 36",
    "true" + " ? true : true" * 10,
)


def _lines(text: str) -> list[str]:
    return text.strip().splitlines()


VALUES: dict[str, list[str]] = {
    "operators": _lines(_OPERATORS),
    "macros": _lines(_MACROS),
    "strings": _lines(_STRINGS),
    "conversions": _lines(_CONVERSIONS),
    "lists": _lines(_LISTS),
    "libraries": _lines(_LIBRARIES),
}
REFUSED: list[str] = [*_lines(_REFUSED), *_REFUSED_LINES]


# --- prices -------------------------------------------------------------------------------------------------------------

_FREE: KubeObject = {"type": "string"}
_INTS: KubeObject = {"type": "array", "items": {"type": "integer"}}
_OBJECTS: KubeObject = {
    "type": "array",
    "items": {"type": "object", "required": ["name"], "properties": {"name": _FREE, "n": {"type": "integer"}}},
}
_MAP: KubeObject = {"type": "object", "additionalProperties": _FREE}


def _limited(schema: KubeObject, **limits: object) -> KubeObject:
    return {**schema, **limits}


def _with_rule(schema: KubeObject, *rules: str, **more: object) -> KubeObject:
    return {**schema, "x-kubernetes-validations": [{"rule": rule, **more} for rule in rules]}


def _spec(*rules: str, **properties: KubeObject) -> KubeObject:
    return _with_rule({"type": "object", "properties": properties}, *rules)


_SIZED = tuple(_limited(_FREE, maxLength=size) for size in (10, 1000, 100_000))
_LISTS_SIZED = tuple(_limited(_INTS, maxItems=size) for size in (10, 1000, 100_000))

_PRICED_OF_STRINGS = (
    "self.s == 'a'",
    "self.s == self.t",
    "self.s.matches('^[a-z]+$')",
    "self.s.matches(self.t)",
    "self.s.contains('a')",
    "self.s.contains(self.t)",
    "self.s.startsWith(self.t)",
    "self.s + self.t == 'x'",
    "(self.s + self.t).matches('abcdefgh')",
    "self.s.lowerAscii() == self.t.upperAscii()",
    "self.s.replace('a', 'bb') == self.t",
    "self.s.replace('', self.t) == ''",
    "self.s.replace(self.t, 'x').matches('abcdefgh')",
    "self.s.split(',').all(x, x.size() < 5)",
    "self.s.split(',', 3).all(x, x.size() < 5)",
    "self.s.split(',').join(';') == self.t",
    "self.s.find('abc') == self.t",
    "self.s.findAll('abc').all(x, x == 'abc')",
    "self.s.substring(1).matches('abcdefgh')",
    "self.s.indexOf(self.t) > 0",
    "self.s.trim() == ''",
    "self.s in [self.t, 'a']",
    "bytes(self.s) == bytes(self.t)",
    "string(bytes(self.s)) == self.t",
    "strings.quote(self.s) == self.t",
    "'%s'.format([self.s]) == self.t",
    "self.s < self.t",
    "isURL(self.s)",
    "url(self.s).getHost() == self.t",
    "url(self.s) == url(self.t)",
    "quantity(self.s) == quantity(self.t)",
    "isQuantity(self.s)",
    "ip(self.s) == ip(self.t)",
    "isIP(self.s)",
    "ip.isCanonical(self.s)",
    "cidr(self.s).containsIP(self.t)",
    "cidr(self.s).containsCIDR(self.t)",
    "semver(self.s) == semver(self.t)",
    "isSemver(self.s)",
    "format.dns1123Label().validate(self.s).hasValue()",
    "format.named(self.s).hasValue()",
    "has(self.s) && self.s == self.t",
    "self.?s.orValue('').matches('abcdefgh')",
    "self.?s.optMap(x, x.matches('abcdefgh')).orValue(true)",
    "[self.s, self.t].exists(x, x.matches('abcdefgh'))",
    "{'a': self.s}.all(k, k == 'a')",
    "{'a': self.s}['a'].matches('abcdefgh')",
    "[self.s][0].matches('abcdefgh')",
    "(self.s == '' ? self.s : self.t).matches('abcdefgh')",
    "dyn(self.s) == dyn(self.t)",
    "type(self.s) == string",
    "self.s.size() + self.t.size() < 100",
)
_PRICED_OF_LISTS = (
    "self.l.all(x, x > 0)",
    "self.l.all(x, self.l.all(y, x == y))",
    "self.l.all(x, self.l.all(y, self.l.all(z, x == y && y == z)))",
    "self.l.exists_one(x, x == 1)",
    "self.l.map(x, x + 1).all(y, y > 0)",
    "self.l.filter(x, x > 0).size() > 0",
    "self.l.isSorted()",
    "self.l.sum() > 0",
    "self.l.min() < self.l.max()",
    "self.l.indexOf(1) == 0",
    "1 in self.l",
    "self.l == self.k",
    "self.l + self.k == self.l",
    "(self.l + self.k).all(x, x > 0)",
    "sets.contains(self.l, self.k)",
    "sets.equivalent(self.l, self.k)",
    "sets.intersects(self.l, [1, 2])",
    "self.l.slice(0, 3).all(x, x > 0)",
    "self.l.sort() == self.k",
    "self.l.reverse() == self.k",
    "self.l.distinct().size() == self.l.size()",
    "self.l.sortBy(x, -x) == self.k",
    "[self.l, self.k].flatten().all(x, x > 0)",
    "lists.range(100).all(i, self.l[i] > 0)",
    "self.l.all(i, x, i == x)",
    "self.l.transformList(i, x, x).all(y, y > 0)",
    "self.l.transformMap(i, x, x).all(k, k > 0)",
    "self.l[0] == 1",
    "self.l.first().hasValue()",
    "self.l.map(x, [x]).all(y, y.size() == 1)",
    "self.l.map(x, {'a': x}).all(y, y.a == 1)",
    "self.l.map(x, string(x)).join(',') == ''",
)


def _prices() -> list[KubeObject]:
    """Schemas of a `spec`, each with one rule, some of them too expensive."""
    found: list[KubeObject] = []
    for rule in _PRICED_OF_STRINGS:
        found += [_spec(rule, s=text, t=text) for text in (_FREE, _SIZED[1], _SIZED[2])]
    for rule in _PRICED_OF_LISTS:
        found += [_spec(rule, l=listed, k=listed) for listed in (_INTS, *_LISTS_SIZED)]
    names = "self.l.all(x, self.l.all(y, x.name == y.name))"
    found += [_spec(names, l=each) for each in (_OBJECTS, *(_limited(_OBJECTS, maxItems=n) for n in (10, 300)))]
    for rule in ("self.m.all(k, self.m[k] == k)", "self.m.all(k, v, k == v)", "self.m == self.m", "'a' in self.m"):
        found += [_spec(rule, m=each) for each in (_MAP, *(_limited(_MAP, maxProperties=n) for n in (10, 5000)))]
    return found + _placed_prices() + _typed_prices()


def _placed_prices() -> list[KubeObject]:
    """Rules below lists and maps count as often as there can be elements."""
    cheap, dear = (
        _with_rule(_FREE, "self == 'a'"),
        _with_rule(_limited(_FREE, maxLength=100), "self.matches('abcdefgh')"),
    )
    holders = (
        lambda inner: {"type": "array", "items": inner},
        lambda inner: {"type": "array", "maxItems": 100, "items": inner},
        lambda inner: {"type": "array", "maxItems": 100_000, "items": inner},
        lambda inner: {"type": "object", "additionalProperties": inner},
        lambda inner: {"type": "object", "maxProperties": 100, "additionalProperties": inner},
        lambda inner: {"type": "array", "maxItems": 100, "items": {"type": "array", "maxItems": 100, "items": inner}},
        lambda inner: {"type": "array", "maxItems": 100, "items": {"type": "array", "items": inner}},
        lambda inner: {"type": "object", "properties": {"a": inner, "b": inner}},
    )
    found: list[KubeObject] = []
    for hold in holders:
        found += [{"type": "object", "properties": {"p": hold(inner)}} for inner in (cheap, dear)]
    required: KubeObject = {
        "type": "object",
        "required": ["aaaa", "bbbb"],
        "properties": {"aaaa": _FREE, "bbbb": _FREE},
    }
    for inner in (required, {**required, "properties": {**required["properties"], "bbbb": {**_FREE, "default": "x"}}}):
        items = _with_rule(inner, "self.aaaa == self.bbbb")
        found.append({"type": "object", "properties": {"p": {"type": "array", "items": items}}})
    return found


def _typed_prices() -> list[KubeObject]:
    """Sizes that formats, enums and other types bound."""
    kinds: tuple[KubeObject, ...] = (
        {"type": "string", "format": "date"},
        {"type": "string", "format": "date-time"},
        {"type": "string", "format": "duration"},
        {"type": "string", "format": "byte"},
        {"type": "string", "format": "byte", "maxLength": 30},
        {"type": "string", "format": "uuid"},
        {"type": "string", "enum": ["a", "bb", "ccc"]},
        {"type": "integer"},
        {"type": "number"},
        {"type": "boolean"},
        {"x-kubernetes-int-or-string": True},
        {"x-kubernetes-int-or-string": True, "maxLength": 5},
        {"type": "array", "items": _FREE, "x-kubernetes-list-type": "set"},
    )
    found: list[KubeObject] = []
    for kind in kinds:
        both: dict[str, KubeObject] = {
            "l": {"type": "array", "items": kind},
            "k": {"type": "array", "maxItems": 3000, "items": kind},
        }
        found += [_spec(f"self.{name}.all(x, x == self.{name}[0])", **both) for name in ("l", "k")]
        found.append(_spec("self.s == self.t", s=kind, t=kind))
    return found


PRICES: list[KubeObject] = _prices()

# --- whole definitions --------------------------------------------------------------------------------------------------

_ATOMIC: KubeObject = {"type": "array", "maxItems": 5}
_KEYED: KubeObject = {
    "type": "array",
    "maxItems": 5,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["k"],
}


def _property(schema: KubeObject, **more: KubeObject) -> KubeObject:
    return {"type": "object", "properties": {"p": schema, **more}}


# Schemas of a `spec` that are refused, or not, for more than one expression's own mistakes.
DEFINITIONS: list[KubeObject] = [
    _with_rule(_property({"type": "integer"}), "self.p == oldSelf.p"),
    _property({**_ATOMIC, "items": _with_rule({"type": "integer"}, "self == oldSelf")}),
    _property({**_ATOMIC, "items": _with_rule({"type": "integer"}, "self == 1")}),
    _property(
        {**_ATOMIC, "x-kubernetes-list-type": "set", "items": _with_rule({"type": "integer"}, "self == oldSelf")}
    ),
    _property({**_KEYED, "items": _with_rule(_ITEM, "self.v == oldSelf.v")}),
    _property({**_ATOMIC, "items": _with_rule(_ITEM, "self.v == oldSelf.v")}),
    _property(_with_rule({**_ATOMIC, "items": {"type": "integer"}}, "self == oldSelf")),
    _property(
        {
            "type": "object",
            "maxProperties": 3,
            "additionalProperties": _with_rule({"type": "integer"}, "self == oldSelf"),
        }
    ),
    _property({**_ATOMIC, "items": {**_ATOMIC, "items": _with_rule({"type": "integer"}, "self == oldSelf")}}),
    _with_rule(_property({"type": "integer"}), "self.p == 1", optionalOldSelf=True),
    _with_rule(_property({"type": "integer"}), "self.p == 1", optionalOldSelf=False),
    _with_rule(_property({"type": "integer"}), "oldSelf.hasValue()", optionalOldSelf=True),
    _with_rule(_property({"type": "integer"}), "oldSelf.p == self.p", optionalOldSelf=True),
    _with_rule(_property({"type": "integer"}), "oldSelf.?p.orValue(1) == self.p", optionalOldSelf=True),
    _with_rule(_property({"type": "integer"}), "true", messageExpression="self.p"),
    _with_rule(_property({"type": "integer"}), "true", messageExpression="self.none"),
    _with_rule(_property({"type": "integer"}), "true", messageExpression="'a' +"),
    _with_rule(_property({"type": "integer"}), "true", messageExpression="string(self.p)"),
    _with_rule(_property({"type": "integer"}), "true", messageExpression="string(int('x'))"),
    _with_rule(_property({"type": "integer"}), "true", messageExpression="'a'.find('(')"),
    _with_rule(_property(_FREE), "true", messageExpression="self.p.matches('abcdefghijkl') ? 'a' : 'b'"),
    _with_rule(_property(_FREE), "true", messageExpression="self.p.split('').map(x, x + self.p).join('')"),
    _with_rule(_property({"type": "integer"}), "self.none == 1 && self.p < 2 && self.p > 0", message="<&>"),
    _with_rule(_property({"type": "integer"}), "self.none", reason="FieldValueForbidden", fieldPath=".p"),
    _with_rule(_property({"type": "integer"}), "1 +", "self.none", "true", "self.p"),
    _property(_with_rule({"type": "object", "x-kubernetes-preserve-unknown-fields": True}, "self.a == 1")),
    _property(_with_rule({"type": "object"}, "self == self")),
    _property(_with_rule({"x-kubernetes-preserve-unknown-fields": True}, "true")),
    _property(_with_rule({**_ATOMIC, "items": {"x-kubernetes-preserve-unknown-fields": True}}, "self.size() < 3")),
    _with_rule(_property({**_ATOMIC, "items": {"x-kubernetes-preserve-unknown-fields": True}}), "self.p.size() < 3"),
    _with_rule(_property({"x-kubernetes-preserve-unknown-fields": True}), "self.p == 1"),
    _property(_with_rule({"x-kubernetes-int-or-string": True}, "self == 1 || self == 'a'")),
    _property(
        _with_rule(
            {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True},
            "self.kind == 'A' && self.metadata.name != ''",
        )
    ),
    _property(_with_rule({"type": "integer"}, "self > 0", fieldPath=".x")),
    _with_rule(_property(_property({"type": "integer"})), "true", fieldPath=".p.p"),
    _with_rule(_property(_property({"type": "integer"})), "true", fieldPath=".p.q"),
    _with_rule(
        _property({"type": "object", "additionalProperties": {"type": "integer"}}), "true", fieldPath=".p['a b']"
    ),
    _with_rule(_property({**_ATOMIC, "items": {"type": "integer"}}), "true", fieldPath=".p[0]"),
    _property(_with_rule({"type": "string", "maxLength": 10, "allOf": [{"minLength": 1}]}, "self != ''")),
    _with_rule(
        {"type": "object", "properties": {"a-b": {"type": "integer"}, "1a": {"type": "integer"}}},
        "self.a__dash__b == 1",
    ),
    _with_rule(
        {"type": "object", "properties": {"a-b": {"type": "integer"}, "1a": {"type": "integer"}}}, "self.1a == 1"
    ),
    {
        "type": "object",
        "properties": {
            f"p{n}": _with_rule({"type": "array", "items": {"type": "integer"}}, "self.all(x, x > 0)")
            for n in range(12)
        },
    },
    {
        "type": "object",
        "properties": {
            f"p{n}": _with_rule({**_FREE, "maxLength": 30_000}, *["self.matches('abcdefghabcdefgh')"] * 3)
            for n in range(9)
        },
    },
]

# --- objects ------------------------------------------------------------------------------------------------------------

_NAMED_RULE: KubeObject = {"rule": "self.p > 0", "message": "must be positive"}


def _ruled(schema: KubeObject, **rule: object) -> KubeObject:
    return {**schema, "x-kubernetes-validations": [rule]}


_INTEGER: KubeObject = {"type": "integer"}
_PAIR = _property(_INTEGER, q=_INTEGER)

# (schema of `spec`, specs in turn): the first is created, each other one put over what is there.
CHECKS: list[tuple[KubeObject, list[KubeObject]]] = [
    (_ruled(_PAIR, **_NAMED_RULE), [{"p": 0}, {"p": 1}, {"p": 0}]),
    (_ruled(_PAIR, rule="self.p > 0", messageExpression="'is %d'.format([self.p])"), [{"p": 0}, {"p": 1}, {"p": -1}]),
    (_ruled(_PAIR, rule="self.p > 0", messageExpression="'a\\nb'", message="m"), [{"p": 0}]),
    (_ruled(_PAIR, rule="self.p > 0", messageExpression="''", message="m"), [{"p": 0}]),
    (_ruled(_PAIR, rule="self.p > 0", messageExpression="'  spaced  '"), [{"p": 0}]),
    (_ruled(_PAIR, rule="self.p > 0", messageExpression="string(1 / self.p)", message="m"), [{"p": 0}]),
    (_ruled(_PAIR, rule="self.p > 0", reason="FieldValueForbidden", fieldPath=".p"), [{"p": 0}]),
    (_ruled(_PAIR, rule="self.p > 0", reason="FieldValueRequired", fieldPath=".q", message="want q"), [{"p": 0}]),
    (_ruled(_PAIR, rule="self.p > 0", reason="FieldValueDuplicate"), [{"p": 0}]),
    (_ruled(_PAIR, rule="self.p > 0", reason="FieldValueInvalid", message=" trimmed "), [{"p": 0}]),
    (_property(_ruled(_INTEGER, rule="self > 0")), [{"p": 0}, {"p": -5}]),
    (_property(_ruled(_INTEGER, rule="self > 0", reason="FieldValueDuplicate")), [{"p": 0}]),
    (_property(_ruled(_TEXT, rule="self != 'x'", message="no x")), [{"p": "x"}, {"p": "y"}, {"p": "x"}]),
    (_property(_ruled({"type": "boolean"}, rule="self")), [{"p": False}]),
    (_property(_ruled({"type": "number"}, rule="self > 1.0")), [{"p": 0.5}, {"p": 1}, {"p": 1e21}]),
    (_property(_ruled({"type": "integer", "nullable": True}, rule="self > 0")), [{"p": None}, {"p": 0}]),
    (_property(_ruled({**_ATOMIC, "items": _INTEGER}, rule="self.size() < 2")), [{"p": [1, 2]}]),
    (_property({**_ATOMIC, "items": _ruled(_INTEGER, rule="self > 0")}), [{"p": [0, 1, -1]}]),
    (
        _property({"type": "object", "maxProperties": 3, "additionalProperties": _ruled(_INTEGER, rule="self > 0")}),
        [{"p": {"a": 0, "b c": 1}}],
    ),
    (_property({"x-kubernetes-int-or-string": True, **_with_rule({}, "self == 1")}), [{"p": 2}, {"p": "a"}, {"p": 1}]),
    (
        _property(
            _ruled(
                {
                    "type": "object",
                    "x-kubernetes-embedded-resource": True,
                    "x-kubernetes-preserve-unknown-fields": True,
                },
                rule="self.kind == 'A'",
            )
        ),
        [{"p": {"apiVersion": "v1", "kind": "B", "metadata": {"name": "n"}}}],
    ),
    (_property(_with_rule(_INTEGER, "self > 0", "self > 1", "self > 2")), [{"p": 1}]),
    (_ruled(_PAIR, rule="self.p >= oldSelf.p", message="no shrinking"), [{"p": 5}, {"p": 6}, {"p": 4}, {"q": 1}]),
    (_property(_ruled(_INTEGER, rule="self >= oldSelf", message="no shrinking")), [{"p": 5}, {}, {"p": 1}, {"p": 0}]),
    (
        _property(
            _ruled(_INTEGER, rule="oldSelf.hasValue() || self == 1", optionalOldSelf=True, message="begins at 1")
        ),
        [{"p": 5}, {"p": 1}, {"p": 5}],
    ),
    (
        _property(
            _ruled(
                _INTEGER,
                rule="self >= oldSelf.orValue(3)",
                optionalOldSelf=True,
                messageExpression="'at least %d'.format([oldSelf.orValue(3)])",
            )
        ),
        [{"p": 1}, {"p": 4}, {"p": 3}],
    ),
    (
        _property(_ruled(_INTEGER, rule="self >= oldSelf", messageExpression="'at least %d'.format([oldSelf])")),
        [{"p": 4}, {"p": 3}],
    ),
    (
        _property(_ruled(_INTEGER, rule="self > 0", messageExpression="'was %d'.format([oldSelf])", message="m")),
        [{"p": 0}, {"p": 1}, {"p": 0}],
    ),
    (
        _property({**_KEYED, "items": _ruled(_ITEM, rule="self.v >= oldSelf.v", message="no shrinking")}),
        [
            {"p": [{"k": "a", "v": 1}, {"k": "b", "v": 2}]},
            {"p": [{"k": "b", "v": 1}, {"k": "a", "v": 1}, {"k": "c", "v": 0}]},
        ],
    ),
    (
        _property(
            {"type": "object", "maxProperties": 3, "additionalProperties": _ruled(_INTEGER, rule="self >= oldSelf")}
        ),
        [{"p": {"a": 1}}, {"p": {"a": 0, "b": 0}}],
    ),
    (
        _property(_property(_ruled(_INTEGER, rule="self == oldSelf", message="immutable"))),
        [{"p": {"p": 1}}, {"p": {"p": 2}}, {"p": {}}, {}],
    ),
    (
        _ruled(
            {"type": "object", "properties": {"s": _TEXT, "l": {**_ATOMIC, "items": _INTEGER}}},
            rule="self.s == 'x' && self.l[3] == 1",
        ),
        [{}, {"s": "x"}, {"s": "x", "l": [1]}],
    ),
    (
        _with_rule(_property({"x-kubernetes-int-or-string": True}), "self.p + 1 > 0", "self.p.size() > 0"),
        [{"p": "a"}, {"p": 1}],
    ),
    (
        _ruled(
            _property({"type": "array", "maxItems": 1400, "items": _INTEGER}),
            rule="self.p.all(x, self.p.all(y, x == y))",
            message="all alike",
        ),
        [{"p": [1] * 600}, {"p": [1] * 100}],
    ),
    (
        _with_rule(
            _property({"type": "array", "maxItems": 1300, "items": _INTEGER}),
            *["self.p.all(x, self.p.all(y, x == y))"] * 11,
        ),
        [{"p": [1] * 435}, {"p": [1] * 400}],
    ),
]

# (schema before, schema after, specs in turn): created under the first, put over under the second.
_LOOSE = _property(_INTEGER, q=_INTEGER, o=_property(_INTEGER, q=_INTEGER))
RATCHETS: list[tuple[KubeObject, KubeObject, list[KubeObject]]] = [
    (_LOOSE, _ruled(_LOOSE, **_NAMED_RULE), [{"p": 0}, {"p": 0}, {"p": 0, "q": 1}]),
    (
        _LOOSE,
        _property(_ruled(_INTEGER, rule="self > 0", message="positive"), q=_INTEGER),
        [{"p": 0}, {"p": 0, "q": 1}, {"p": -1}],
    ),
    (
        _LOOSE,
        _property(_INTEGER, o=_ruled(_PAIR, **_NAMED_RULE)),
        [{"o": {"p": 0}}, {"o": {"p": 0}, "p": 1}, {"o": {"p": 0, "q": 1}}],
    ),
    (
        _property({**_ATOMIC, "items": _INTEGER}, q=_INTEGER),
        _property({**_ATOMIC, "items": _ruled(_INTEGER, rule="self > 0")}, q=_INTEGER),
        [{"p": [0, 1]}, {"p": [0, 1], "q": 1}, {"p": [0, 1, 2]}, {"p": [1, 0]}],
    ),
    (
        _property({**_KEYED, "items": _ITEM}, q=_INTEGER),
        _property({**_KEYED, "items": _ruled(_ITEM, rule="self.v > 0")}, q=_INTEGER),
        [{"p": [{"k": "a", "v": 0}]}, {"p": [{"k": "b", "v": 1}, {"k": "a", "v": 0}]}, {"p": [{"k": "a", "v": -1}]}],
    ),
    (
        _property({"type": "object", "maxProperties": 3, "additionalProperties": _INTEGER}),
        _property({"type": "object", "maxProperties": 3, "additionalProperties": _ruled(_INTEGER, rule="self > 0")}),
        [{"p": {"a": 0}}, {"p": {"a": 0, "b": 1}}, {"p": {"a": 0, "b": 0}}],
    ),
    (_LOOSE, _with_rule(_PAIR, "self.p > 0 || oldSelf.p == 5", "self.p != 0"), [{"p": 0}, {"p": 0, "q": 1}]),
    (_LOOSE, _property(_with_rule(_INTEGER, "self / 0 == 1"), q=_INTEGER), [{"p": 0}, {"p": 0, "q": 1}]),
]

# --- admission ----------------------------------------------------------------------------------------------------------

_ADMISSION = """
object.x == 1
object.x
object
oldObject == null
request.operation == 'CREATE'
request.operation == 1
request.none == 1
request.userInfo.username.startsWith('a')
request.userInfo.groups.exists(g, g == 'a')
request.userInfo.extra['a'][0] == 'b'
request.kind.group == '' && request.resource.resource == 'pods' && request.dryRun
request.kind == request.requestKind
request.kind == request.resource
request.options.x == 1
request
namespaceObject.metadata.labels['a'] == 'b'
namespaceObject.metadata.none == 1
namespaceObject.status.phase == 'Active'
namespaceObject.metadata.creationTimestamp < timestamp('2024-01-01T00:00:00Z')
authorizer.path('/healthz').check('get').allowed()
authorizer.group('').resource('pods').namespace('a').name('b').check('get').allowed()
authorizer.group('').resource('pods').labelSelector('a=b').check('list').reason() == 'x'
authorizer.requestResource.check('get').allowed()
authorizer.serviceAccount('a', 'b').path('/').check('get').errored()
authorizer.check('get')
authorizer == 1
authorizer.requestResource
params.x == 1
variables.v == 1
variables.v == 'a'
variables.w == 1
variables.none == 1
self.x == 1
oldSelf == 1
1
'a'
null
true
timestamp('2024-01-01T00:00:00Z')
[1]
{'a': [1.0]}
optional.of(1)
quantity('1')
object.matches('(')
[1, 'a'] == []
int('x') == 1
'a'.find('(') == ''
object.spec.x +
object.list.all(x, x.y > 0) && has(object.a.b)
  true
"""
ADMISSION: list[str] = _lines(_ADMISSION)


# --- values whose type nobody knows ---------------------------------------------------------------------------------------

_ANY = [
    "1",
    "1u",
    "1.5",
    "'a'",
    "b'a'",
    "true",
    "null",
    "[1]",
    "{'a':1}",
    "self.ls",
    "self.o",
    "self.du",
    "self.dt",
    "optional.of(1)",
    "quantity('1')",
    "ip('1.1.1.1')",
    "self.set",
    "self.m",
    "self.nul",
    "self.intn",
    "self.ints",
]
_OF_TWO = [
    "{a} + {b}",
    "{a} - {b}",
    "{a} * {b}",
    "{a} / {b}",
    "{a} % {b}",
    "{a} < {b}",
    "{a} >= {b}",
    "{a} == {b}",
    "{a} in {b}",
    "{a} && {b}",
]
_OF_ONE = """-{a}|!{a}|size({a})|{a}.size()|{a}.a|has({a}.a)|{a}.?a.hasValue()|{a}[?0].hasValue()|{a}.all(x, true)|{a}.all(k, v, true)
|string({a})|int({a})|double({a})|type({a})|{a}.startsWith('a')|{a}.contains('a')|{a}.matches('a')|{a}.lowerAscii()|{a}.split('a')
|{a}.join()|{a}.isSorted()|{a}.sum()|{a}.min()|{a}.indexOf('a')|{a}.getHours()|{a}.hasValue()|{a}.value()|{a}.orValue(1)
|{a}.first().hasValue()|{a}.reverse()|{a}.slice(0, 1)|sets.contains({a}, [1])|isURL({a})|url({a})|ip({a})|{a}.family()
|{a}.isGreaterThan(quantity('1'))|{a}.add(1)|{a}.find('a')|{a}.replace('a', 'b')|'%s'.format([{a}])|'%d'.format([{a}])
|optional.ofNonZeroValue({a}).hasValue()|[1, 2][{a}]|{a} ? 1 : 2|{a}.filter(x, true)|'abc'.substring({a})|lists.range({a})
|{a}.validate('a').hasValue()|{a}.transformList(i, v, v)|{a}.trim()|matches({a}, 'a')|{a}.getScheme()|{a}.major()|{a}.masked()"""


def _untyped() -> list[str]:
    """Every function of one value; of every operator a ninth of the pairs."""
    values = [f"dyn({each})" for each in _ANY]
    found = [form.strip().format(a=value) for form in _OF_ONE.split("|") for value in values]
    pairs = [(left, right) for left in values for right in values]
    return found + [form.format(a=left, b=right) for form in _OF_TWO for left, right in pairs[len(form) % 9 :: 9]]


UNTYPED: list[str] = _untyped()

# --- prices of every expression -------------------------------------------------------------------------------------------


def _resized(schema: KubeObject) -> KubeObject:
    """With larger limits, so that some expressions are too expensive and some are not."""
    limits = {"maxLength": 3000, "maxItems": 120, "maxProperties": 150}
    found: KubeObject = {}
    for name, value in schema.items():
        if name == "properties":
            found[name] = {key: _resized(inner) for key, inner in value.items()}
        else:
            found[name] = _resized(value) if isinstance(value, dict) else limits.get(name, value)
    return found


LARGE_SCHEMA: KubeObject = _resized(SCHEMA)


def priced(expression: str) -> KubeObject:
    """A `spec` whose rule has the expression in loops, four times."""
    rule = f"dyn({expression}) == dyn('never') || [{expression}].all(x, [{expression}].exists(y, dyn(x) == dyn(y)))"
    return {**LARGE_SCHEMA, "x-kubernetes-validations": [{"rule": rule}]}
