/* Numbers for an axis: even steps of 1, 2 or 5, and SI prefixes. */
#ifndef NW_REPORT_TICKS_H
#define NW_REPORT_TICKS_H

enum { NW_MAX_TICKS = 12, NW_TICK_TEXT = 16, NW_UNIT_TEXT = 32 };

typedef struct nw_ticks {
    int count;
    double value[NW_MAX_TICKS]; /* in the axis' own unit */
    char text[NW_MAX_TICKS][NW_TICK_TEXT];
    char unit[NW_UNIT_TEXT]; /* with its prefix, or a power of ten where there is no unit; may be "" */
} nw_ticks;

/* Ticks from 0 to at most `high` > 0, about `wanted` of them. */
void nw_ticks_make(double high, const char *unit, int wanted, nw_ticks *out);

/* Ticks within low .. high > low, plain numbers without unit or power, about `wanted` of them. */
void nw_ticks_between(double low, double high, int wanted, nw_ticks *out);

#endif
