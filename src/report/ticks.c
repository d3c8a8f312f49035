#include "report/ticks.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *const prefixes[] = {"p", "n", "\xc2\xb5", "m", "", "k", "M", "G"};
enum { UNPREFIXED = 4, PREFIXES = sizeof prefixes / sizeof prefixes[0] };

static double nice_step(double high, int wanted) {
    double raw = high / wanted, power = pow(10, floor(log10(raw)));
    double digit = raw / power;
    return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
}

void nw_ticks_make(double high, const char *unit, int wanted, nw_ticks *out) {
    memset(out, 0, sizeof *out);
    /* Thousands: of the unit where there is one, else only where plain numbers would be long. */
    int power = (int)floor(log10(high) / 3);
    bool named = unit && unit[0];
    if (!named && high >= 0.05 && high < 1e5) power = 0;
    if (named && power < -UNPREFIXED) power = -UNPREFIXED;
    if (named && power >= PREFIXES - UNPREFIXED) power = PREFIXES - UNPREFIXED - 1;
    double scale = pow(1000, power), step = nice_step(high / scale, wanted);
    if (named)
        snprintf(out->unit, sizeof out->unit, "%s%s", prefixes[power + UNPREFIXED], unit);
    else if (power)
        snprintf(out->unit, sizeof out->unit, "\xc3\x97 1e%d", 3 * power);
    int decimals = step >= 1 ? 0 : (int)ceil(-log10(step) - 1e-9);
    for (int i = 0; i < NW_MAX_TICKS && i * step <= high / scale * (1 + 1e-9); i++) {
        out->value[i] = i * step * scale;
        snprintf(out->text[i], NW_TICK_TEXT, "%.*f", decimals, i * step);
        out->count = i + 1;
    }
}

void nw_ticks_between(double low, double high, int wanted, nw_ticks *out)
{
    memset(out, 0, sizeof *out);
    double step = nice_step(high - low, wanted), first = ceil(low / step - 1e-9);
    int decimals = step >= 1 ? 0 : (int)ceil(-log10(step) - 1e-9);
    for (int i = 0; i < NW_MAX_TICKS && (first + i) * step <= high + 1e-9 * step; i++) {
        out->value[i] = (first + i) * step;
        snprintf(out->text[i], NW_TICK_TEXT, "%.*f", decimals, out->value[i]);
        out->count = i + 1;
    }
}
