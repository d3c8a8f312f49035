/* Names near one that is not there. */
#include "graph/graph.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 96, SUGGESTIONS = 3, NOT_NEAR = 1 << 20 };

static int lower(char c)
{
    return tolower((unsigned char)c);
}

static bool contains(const char *text, const char *part)
{
    size_t length = strlen(part);
    for (; *text; text++) {
        size_t i = 0;
        while (i < length && text[i] && lower(text[i]) == lower(part[i])) i++;
        if (i == length) return true;
    }
    return false;
}

/* Insertions, deletions, replacements and swaps of neighbours that make b of a, case ignored; NOT_NEAR above
 * `limit`. */
static int edit_distance(const char *a, const char *b, int limit)
{
    size_t n = strlen(a), m = strlen(b);
    if (n > LONGEST || m > LONGEST) return NOT_NEAR;
    if ((n > m ? n - m : m - n) > (size_t)limit) return NOT_NEAR;
    int rows[3][LONGEST + 1];
    int *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= m; j++) last[j] = (int)j;
    for (size_t i = 1; i <= n; i++) {
        int least = row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int d = last[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
            if (last[j] + 1 < d) d = last[j] + 1;
            if (row[j - 1] + 1 < d) d = row[j - 1] + 1;
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]) &&
                before[j - 2] + 1 < d)
                d = before[j - 2] + 1;
            row[j] = d;
            if (d < least) least = d;
        }
        if (least > limit) return NOT_NEAR;
        int *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[m] <= limit ? last[m] : NOT_NEAR;
}

/* 0: as good as equal. A name that holds the wanted one is nearer than a misspelt one. */
static int score(const char *wanted, const char *candidate)
{
    int limit = (int)strlen(wanted) / 3 + 1;
    int distance = edit_distance(wanted, candidate, limit);
    if (distance > 1 && strlen(wanted) >= 3 && contains(candidate, wanted)) return 1;
    return distance;
}

char *nw_graph_suggest(const nw_graph *graph, const char *name, char *text, size_t size)
{
    int best[SUGGESTIONS] = {-1, -1, -1}, scores[SUGGESTIONS] = {NOT_NEAR, NOT_NEAR, NOT_NEAR};
    text[0] = 0;
    if (!name[0]) return text;
    for (size_t i = 0; i < graph->value_count; i++) {
        const nw_value *value = &graph->values[i];
        if (value->data) continue;
        int s = score(name, value->name);
        if (value->producer >= 0) {
            const nw_node *node = &graph->nodes[value->producer];
            if (node->output_count && node->outputs[0] == (int)i) {
                int by_node = score(name, node->name);
                if (by_node < s) s = by_node;
            }
        }
        /* Of equals the later one goes first: the last tensor of a block is its result. */
        int place = SUGGESTIONS;
        while (place > 0 && s < NOT_NEAR && s <= scores[place - 1]) place--;
        if (place == SUGGESTIONS) continue;
        for (int k = SUGGESTIONS - 1; k > place; k--) {
            best[k] = best[k - 1];
            scores[k] = scores[k - 1];
        }
        best[place] = (int)i;
        scores[place] = s;
    }
    size_t used = 0;
    for (int k = 0; k < SUGGESTIONS && best[k] >= 0; k++) {
        bool last = k + 1 == SUGGESTIONS || best[k + 1] < 0;
        int n = snprintf(text + used, size - used, "%s'%s'",
                         k == 0 ? ""
                         : last ? " or "
                                : ", ",
                         graph->values[best[k]].name);
        if (n < 0 || (size_t)n >= size - used) {
            text[used] = 0; /* whole names only */
            break;
        }
        used += (size_t)n;
    }
    return text;
}
