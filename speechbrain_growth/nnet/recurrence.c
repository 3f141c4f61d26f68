/* The recurrence of a Li-GRU over all steps, there and back.
 *
 * r = U h[t-1], with layer normalisation if it is an SLi-GRU's
 * [a; z] = w[t] + r;  a = act(a);  z = sigmoid(z)
 * h[t] = z h[t-1] + (1 - z) drop a
 *
 * Rows are the utterances of a batch. They do not meet, so threads share them.
 * A row's numbers are walked over in vectors; what is less than a vector at its
 * end is loaded and stored in part. U comes in panels of COLUMNS columns, row
 * after row, filled up with zeros, as walk_in_c.py lays them out.
 *
 * Compiled by kernels.py with -DREAL=float or double.
 */

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#if defined(__AVX512F__)
#define WIDE 64
#define ROWS 8
#elif defined(__AVX__)
#define WIDE 32
#define ROWS 4
#else
#define WIDE 16
#define ROWS 4
#endif
#define LANES ((long)(WIDE / sizeof(REAL)))
#define MOST_THREADS 64

typedef REAL vec __attribute__((vector_size(WIDE)));
typedef __typeof__((vec){0} < (vec){0}) mask;

const long COLUMNS = 2 * LANES;

enum { RELU, LEAKY_RELU, TANH };

struct job {
    long batch, steps, units, act, threads;
    long w_row, w_step, grad_row, grad_step; /* distances, in numbers */
    double eps;
    const REAL *w, *panels, *start, *drop;
    const REAL *gamma, *beta;    /* of the layer norm; NULL if it has none */
    REAL *before, *after;        /* h[t-1] and h[t], (batch, steps, units) */
    REAL *gates;                 /* a, z, (batch, steps, 2 units) */
    REAL *hat, *rstd;            /* normalised r; NULL if there is no norm */
    const REAL *grad;            /* of h */
    REAL *into, *through;        /* gradients of w and of r */
    REAL *back;                  /* gradient of start, (batch, units) */
    long first, last;            /* rows of this thread */
};

/* ---- vectors ---- */

static inline vec all(REAL x) { return x - (vec){0}; }

static inline vec take(const REAL *p, long left) {
    vec v = {0};
    if (left >= LANES)
        memcpy(&v, p, sizeof v);
    else if (left > 0)
        memcpy(&v, p, left * sizeof(REAL));
    return v;
}

static inline void put(REAL *p, vec v, long left) {
    if (left >= LANES)
        memcpy(p, &v, sizeof v);
    else if (left > 0)
        memcpy(p, &v, left * sizeof(REAL));
}

static inline vec choose(mask m, vec yes, vec no) {
    return (vec)(((mask)yes & m) | ((mask)no & ~m));
}

static inline REAL sum(vec v) {
    REAL s = 0;
    for (long i = 0; i < LANES; i++) s += v[i];
    return s;
}

/* exp(x) = 2^n exp(f), |f| <= ln(2) / 2, and the Taylor series of exp(f) */
static inline vec exponential(vec x) {
    const int single = sizeof(REAL) == 4;
    const REAL most = single ? 87 : 700;
    x = choose(x > most, all(most), x);
    x = choose(x < -most, all(-most), x);
    vec turns = x * (REAL)1.4426950408889634;
    turns = choose(turns < 0, turns - (REAL)0.5, turns + (REAL)0.5);
    mask n = __builtin_convertvector(turns, mask);
    vec f = __builtin_convertvector(n, vec);
    f = (x - f * (REAL)0.693145751953125) - f * (REAL)1.42860682030941723e-6;
    vec series = all(1);
    for (int k = single ? 7 : 13; k > 0; k--)
        series = 1 + series * f * (1 / (REAL)k);
    mask power = (n + (single ? 127 : 1023)) << (single ? 23 : 52);
    return series * (vec)power;
}

static inline vec sigmoid(vec x) { return 1 / (1 + exponential(-x)); }

static inline vec activate(vec x, long act) {
    if (act == RELU) return choose(x <= 0, all(0), x); /* NaN stays NaN */
    if (act == LEAKY_RELU) return choose(x <= 0, x * (REAL)0.01, x);
    return 2 * sigmoid(2 * x) - 1;
}

static inline vec slope(vec y, long act) {
    if (act == RELU) return choose(y > 0, all(1), all(0));
    if (act == LEAKY_RELU) return choose(y > 0, all(1), all((REAL)0.01));
    return 1 - y * y;
}

/* ---- out (rows x panels of COLUMNS) = a (rows x depth) times the panels ---- */

static inline __attribute__((always_inline)) void tile(
    long rows, long depth, const REAL *a, long a_row, const REAL *panel,
    REAL *out, long out_row) {
    vec sums[ROWS][2] = {0};
    for (long k = 0; k < depth; k++) {
        vec left, right;
        memcpy(&left, panel + k * COLUMNS, sizeof left);
        memcpy(&right, panel + k * COLUMNS + LANES, sizeof right);
        for (long i = 0; i < rows; i++) {
            sums[i][0] += a[i * a_row + k] * left;
            sums[i][1] += a[i * a_row + k] * right;
        }
    }
    for (long i = 0; i < rows; i++)
        memcpy(out + i * out_row, sums[i], sizeof sums[i]);
}

#define TILE(n) \
    tile(n, depth, a + i * a_row, a_row, panel, to + i * width, width)

static void product(long rows, long depth, long panels, const REAL *a,
                    long a_row, const REAL *b, REAL *out) {
    const long width = panels * COLUMNS;
    for (long p = 0; p < panels; p++) {
        const REAL *panel = b + p * depth * COLUMNS;
        REAL *to = out + p * COLUMNS;
        long i = 0;
        for (; i + ROWS <= rows; i += ROWS) TILE(ROWS);
        for (; i + 4 <= rows; i += 4) TILE(4);
        for (; i + 2 <= rows; i += 2) TILE(2);
        for (; i < rows; i++) TILE(1);
    }
}

/* ---- the two walks ---- */

static long padded(long units) {
    return (units + COLUMNS - 1) / COLUMNS * COLUMNS;
}

/* Normalises r over both gates: each in a part of `wide` numbers. */
static void normalise(const struct job *j, REAL *r, long wide, long place) {
    const long units = j->units;
    REAL mean = 0, var = 0;
    for (long i = 0; i < 2 * wide; i += LANES) mean += sum(take(r + i, LANES));
    mean /= 2 * units;
    for (long g = 0; g < 2; g++)
        for (long i = 0; i < units; i += LANES) {
            vec far = take(r + g * wide + i, units - i) - mean;
            if (units - i < LANES) {
                vec part = {0};
                put((REAL *)&part, far, units - i);
                far = part;
            }
            var += sum(far * far);
        }
    const REAL rstd = 1 / (REAL)sqrt((double)var / (2 * units) + j->eps);
    j->rstd[place] = rstd;
    for (long g = 0; g < 2; g++)
        for (long i = 0; i < units; i += LANES) {
            const long at = g * units + i, left = units - i;
            vec hat = (take(r + g * wide + i, LANES) - mean) * rstd;
            put(j->hat + place * 2 * units + at, hat, left);
            hat = hat * take(j->gamma + at, left) + take(j->beta + at, left);
            put(r + g * wide + i, hat, LANES);
        }
}

static void *forwards(void *argument) {
    const struct job *j = argument;
    const long units = j->units, steps = j->steps, wide = padded(units);
    const long rows = j->last - j->first;
    REAL *r = malloc(rows * 2 * wide * sizeof(REAL));
    for (long t = 0; r && t < steps; t++) {
        const REAL *h = t ? j->after + (j->first * steps + t - 1) * units
                          : j->start + j->first * units;
        const long h_row = t ? steps * units : units;
        product(rows, units, 2 * wide / COLUMNS, h, h_row, j->panels, r);
        for (long row = 0; row < rows; row++) {
            const long b = j->first + row, place = b * steps + t;
            const REAL *w = j->w + b * j->w_row + t * j->w_step;
            const REAL *last = h + row * h_row, *drop = j->drop + b * units;
            REAL *own = r + row * 2 * wide, *gates = j->gates + place * 2 * units;
            if (j->hat) normalise(j, own, wide, place);
            for (long i = 0; i < units; i += LANES) {
                const long left = units - i;
                vec a = take(own + i, LANES) + take(w + i, left);
                vec z = take(own + wide + i, LANES) + take(w + units + i, left);
                vec was = take(last + i, left);
                a = activate(a, j->act);
                z = sigmoid(z);
                vec c = a * take(drop + i, left);
                put(gates + i, a, left);
                put(gates + units + i, z, left);
                put(j->before + place * units + i, was, left);
                put(j->after + place * units + i, z * was + (1 - z) * c, left);
            }
        }
    }
    free(r);
    return r ? NULL : argument;
}

/* From the gradient of what is added to w to that of r. */
static void denormalise(const struct job *j, long place) {
    const long both = 2 * j->units;
    const REAL *hat = j->hat + place * both, *into = j->into + place * both;
    vec plain = {0}, along = {0};
    for (long i = 0; i < both; i += LANES) {
        vec d = take(into + i, both - i) * take(j->gamma + i, both - i);
        plain += d;
        along += d * take(hat + i, both - i);
    }
    const REAL mean = sum(plain) / both, part = sum(along) / both;
    for (long i = 0; i < both; i += LANES) {
        vec d = take(into + i, both - i) * take(j->gamma + i, both - i);
        d = (d - mean - take(hat + i, both - i) * part) * j->rstd[place];
        put(j->through + place * both + i, d, both - i);
    }
}

static void *backwards(void *argument) {
    const struct job *j = argument;
    const long units = j->units, steps = j->steps, wide = padded(units);
    const long rows = j->last - j->first;
    REAL *carried = calloc(rows * wide, sizeof(REAL));
    REAL *kept = calloc(rows * wide, sizeof(REAL));
    for (long t = steps - 1; carried && kept && t >= 0; t--) {
        for (long row = 0; row < rows; row++) {
            const long b = j->first + row, place = b * steps + t;
            const REAL *grad = j->grad + b * j->grad_row + t * j->grad_step;
            const REAL *gates = j->gates + place * 2 * units;
            const REAL *drop = j->drop + b * units;
            REAL *own = carried + row * wide, *keeps = kept + row * wide;
            REAL *into = j->into + place * 2 * units;
            for (long i = 0; i < units; i += LANES) {
                const long left = units - i;
                vec s = take(own + i, LANES) + take(keeps + i, LANES) +
                        take(grad + i, left);
                vec a = take(gates + i, left), z = take(gates + units + i, left);
                vec d = take(drop + i, left);
                vec was = take(j->before + place * units + i, left);
                put(into + i, s * (1 - z) * d * slope(a, j->act), left);
                put(into + units + i, s * (was - a * d) * z * (1 - z), left);
                put(keeps + i, s * z, LANES);
            }
            if (j->hat) denormalise(j, place);
        }
        product(rows, 2 * units, wide / COLUMNS,
                j->through + (j->first * steps + t) * 2 * units,
                steps * 2 * units, j->panels, carried);
    }
    for (long row = 0; carried && kept && row < rows; row++)
        for (long i = 0; i < units; i++)
            j->back[(j->first + row) * units + i] =
                carried[row * wide + i] + kept[row * wide + i];
    void *failed = carried && kept ? NULL : argument;
    free(carried);
    free(kept);
    return failed;
}

/* Shares the rows among threads, by fours; 0 if all had memory. */
static int share(struct job *job, void *(*walk)(void *)) {
    pthread_t threads[MOST_THREADS];
    struct job parts[MOST_THREADS];
    long fours = (job->batch + 3) / 4, n = job->threads;
    if (n > fours) n = fours;
    if (n > MOST_THREADS) n = MOST_THREADS;
    int failed = 0, begun[MOST_THREADS] = {0};
    for (long i = 0; i < n; i++) {
        parts[i] = *job;
        parts[i].first = fours * i / n * 4;
        parts[i].last = fours * (i + 1) / n * 4;
        if (parts[i].last > job->batch) parts[i].last = job->batch;
        if (i) begun[i] = !pthread_create(threads + i, NULL, walk, parts + i);
    }
    for (long i = 0; i < n; i++)
        if (!begun[i]) failed |= walk(parts + i) != NULL;
    for (long i = 1; i < n; i++) {
        void *end = NULL;
        if (begun[i]) failed |= pthread_join(threads[i], &end) || end != NULL;
    }
    return failed;
}

int run(struct job *job) { return share(job, forwards); }
int walk_back(struct job *job) { return share(job, backwards); }
