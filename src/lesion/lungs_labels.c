/* Lungs that somebody else has found. */
#include "lesion/lungs.h"

#include "base/memory.h"
#include "lesion/components.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MOST_LABEL = 255 };

static const char *const lobe_keys[NW_LOBES + 1] = {"", "RU", "RM", "RL", "LU", "LL"};

/* "key=number" at *text, ended by a comma or the end. */
static bool pair(const char **text, char *key, size_t size, int *value)
{
    const char *equal = strchr(*text, '=');
    if (!equal || (size_t)(equal - *text) >= size) return false;
    memcpy(key, *text, (size_t)(equal - *text));
    key[equal - *text] = 0;
    char *end;
    long v = strtol(equal + 1, &end, 10);
    if (end == equal + 1 || v < 1 || v > MOST_LABEL || (*end && *end != ',')) return false;
    *value = (int)v;
    *text = *end ? end + 1 : end;
    return true;
}

nw_status nw_labels_map_parse(const char *text, nw_labels_map *map, nw_error *err)
{
    static const char *const names[] = {
#define NAME(NAME, name) name,
        NW_LABELS_LIST(NAME)
#undef NAME
    };
    nw_labels_map m = {0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0) {
            m.kind = (nw_labels_kind)i;
            *map = m;
            return NW_OK;
        }
    const char *p = text;
    int lobes = 0, sides = 0, value;
    char key[8];
    while (*p) {
        if (!pair(&p, key, sizeof key, &value)) goto wrong;
        int lobe = NW_LOBES;
        while (lobe && strcasecmp(key, lobe_keys[lobe]) != 0) lobe--;
        if (lobe && !m.lobe[lobe])
            m.lobe[lobe] = value, lobes++;
        else if (strcasecmp(key, "right") == 0 && !m.right)
            m.right = value, sides++;
        else if (strcasecmp(key, "left") == 0 && !m.left)
            m.left = value, sides++;
        else
            goto wrong;
    }
    if (lobes == NW_LOBES && !sides)
        m.kind = NW_LABELS_LOBES;
    else if (sides == 2 && !lobes && m.right != m.left)
        m.kind = NW_LABELS_LUNGS;
    else
        goto wrong;
    for (int i = 1; i <= NW_LOBES && lobes; i++)
        for (int j = i + 1; j <= NW_LOBES; j++)
            if (m.lobe[i] == m.lobe[j]) goto wrong;
    *map = m;
    return NW_OK;
wrong:
    return nw_fail(err, NW_USAGE,
                   "labels '%s': auto, binary, lungs, lobes, right=1,left=2 or RU=1,RM=2,RL=3,LU=4,LL=5 with "
                   "different whole numbers from 1 to 255",
                   text);
}

/* Inverse of the affine, 3 x 4: world -> voxel. The grid was checked. */
static void invert(const nw_grid *g, double out[3][4])
{
    const double(*a)[4] = g->affine;
    double det = 0;
    for (int c = 0; c < 3; c++) {
        int p = (c + 1) % 3, q = (c + 2) % 3;
        for (int r = 0; r < 3; r++) {
            int s = (r + 1) % 3, t = (r + 2) % 3;
            out[c][r] = a[s][p] * a[t][q] - a[s][q] * a[t][p];
        }
        det += c == 0 ? a[0][0] * out[0][0] + a[1][0] * out[0][1] + a[2][0] * out[0][2] : 0;
    }
    for (int c = 0; c < 3; c++) {
        out[c][3] = 0;
        for (int r = 0; r < 3; r++) {
            out[c][r] /= det;
            out[c][3] -= out[c][r] * a[r][3];
        }
    }
}

nw_status nw_mask_sample(const nw_grid *grid, const nw_grid *from, const float *mask, const char *what,
                         uint8_t *dst, nw_error *err)
{
    double inverse[3][4], to[3][4];
    invert(from, inverse);
    for (int r = 0; r < 3; r++)
        for (int c = 0; c < 4; c++) {
            to[r][c] = c == 3 ? inverse[r][3] : 0;
            for (int m = 0; m < 3; m++) to[r][c] += inverse[r][m] * grid->affine[m][c];
        }
    int64_t inside = 0, at = 0;
    for (int64_t k = 0; k < grid->dims[2]; k++)
        for (int64_t j = 0; j < grid->dims[1]; j++)
            for (int64_t i = 0; i < grid->dims[0]; i++, at++) {
                int64_t p[3];
                bool in = true;
                for (int r = 0; r < 3; r++) {
                    /* A hair's breadth, so that equal grids whose rounding differs agree. */
                    double v = to[r][0] * (double)i + to[r][1] * (double)j + to[r][2] * (double)k + to[r][3];
                    v = floor(v + 0.5 + 1e-6);
                    in &= v >= 0 && v < (double)from->dims[r];
                    p[r] = in ? (int64_t)v : 0;
                }
                dst[at] = 0;
                if (!in) continue;
                inside++;
                dst[at] = (uint8_t)mask[p[0] + from->dims[0] * (p[1] + from->dims[1] * p[2])];
            }
    if (inside * 10 < at)
        return nw_fail(
            err, NW_BAD_INPUT,
            "the %s covers %.0f %% of the scan: they do not lie at the same place; is it another scan's?",
            what, 100 * (double)inside / (double)at);
    return NW_OK;
}

/* Values that occur; refuses what is no label. A binary mask may hold probabilities. */
static nw_status survey(const nw_grid *grid, const float *mask, nw_labels_kind kind,
                        bool seen[MOST_LABEL + 1], bool *whole, nw_error *err)
{
    int64_t count = nw_grid_count(grid);
    *whole = true;
    for (int64_t i = 0; i < count; i++) {
        float v = mask[i];
        if (!isfinite(v))
            return nw_fail(err, NW_NOT_FINITE, "voxel %lld of the lung mask is not finite", (long long)i);
        if (v >= 0 && v <= MOST_LABEL && v == floorf(v)) {
            seen[(int)v] = true;
            continue;
        }
        *whole = false;
        if (kind != NW_LABELS_BINARY)
            return nw_fail(
                err, NW_BAD_INPUT,
                "the lung mask holds %g: labels are whole numbers from 0 to %d (a mask of probabilities "
                "is `binary`)",
                (double)v, MOST_LABEL);
    }
    return NW_OK;
}

static nw_status resolve(nw_labels_map *m, const bool seen[MOST_LABEL + 1], nw_error *err)
{
    int values = 0, largest = 0;
    for (int i = 1; i <= MOST_LABEL; i++)
        if (seen[i]) values++, largest = i;
    if (m->kind == NW_LABELS_AUTO) {
        m->kind = values == 1 ? NW_LABELS_BINARY : values == 2 ? NW_LABELS_LUNGS : NW_LABELS_LOBES;
        if (values == 0) return nw_fail(err, NW_BAD_INPUT, "the lung mask is empty");
        if ((values == 2 && largest != 2) || (values > 2 && (values != 5 || largest != 5)))
            return nw_fail(err, NW_BAD_INPUT,
                           "the lung mask holds %d labels up to %d: say what they mean (right=1,left=2 or "
                           "RU=1,RM=2,RL=3,LU=4,LL=5)",
                           values, largest);
    }
    if (m->kind == NW_LABELS_LUNGS && !m->right && !m->left) m->right = 1, m->left = 2;
    int lobes = 0;
    for (int i = 1; i <= NW_LOBES; i++) lobes += m->lobe[i] != 0;
    if (m->kind == NW_LABELS_LOBES && !lobes)
        for (int i = 1; i <= NW_LOBES; i++) m->lobe[i] = i;
    for (int v = 1; v <= MOST_LABEL; v++) {
        bool known =
            m->kind == NW_LABELS_BINARY || (m->kind == NW_LABELS_LUNGS && (v == m->right || v == m->left));
        for (int i = 1; i <= NW_LOBES && m->kind == NW_LABELS_LOBES; i++) known |= v == m->lobe[i];
        if (seen[v] && !known)
            return nw_fail(err, NW_BAD_INPUT,
                           "the lung mask holds the label %d, which nothing was said about", v);
    }
    return NW_OK;
}

/* Between the two largest parts of a mask where they are two lungs; else the middle of the grid stays. */
static nw_status find_middle(nw_chest *c, nw_error *err)
{
    const double apart_mm = 60, least_share = 0.25;
    nw_components parts;
    nw_status status = nw_components_find(c->code, c->view.n, NW_CODE_AIR, NW_TOUCH_6, &parts, err);
    double x[2] = {0};
    int32_t two[2] = {-1, -1};
    for (int32_t i = 0; i < parts.count && status == NW_OK; i++) {
        if (two[0] < 0 || parts.voxels[i] > parts.voxels[two[0]]) {
            two[1] = two[0];
            two[0] = i;
        } else if (two[1] < 0 || parts.voxels[i] > parts.voxels[two[1]]) {
            two[1] = i;
        }
    }
    if (two[1] >= 0 && (double)parts.voxels[two[1]] > least_share * (double)parts.voxels[two[0]]) {
        for (int64_t r = 0; r < parts.run_count; r++) {
            const nw_run *run = &parts.runs[r];
            for (int i = 0; i < 2; i++)
                if (run->component == two[i])
                    x[i] += (double)(run->end - run->begin) * (double)(run->begin + run->end - 1) / 2;
        }
        for (int i = 0; i < 2; i++) x[i] /= (double)parts.voxels[two[i]];
        if (fabs(x[0] - x[1]) * c->view.h[0] > apart_mm) c->middle = (x[0] + x[1]) / 2;
    }
    nw_components_free(&parts);
    return status;
}

/* Right and left of a binary mask, as lungs are told apart in a scan. */
static nw_status find_sides(nw_lungs *lungs, const float *hu, nw_error *err)
{
    nw_chest c;
    NW_TRY(nw_chest_new(&lungs->grid, hu, &c, err));
    const nw_view *v = &c.view;
    for (int64_t z = 0, at = 0; z < v->n[2]; z++)
        for (int64_t y = 0; y < v->n[1]; y++)
            for (int64_t x = 0; x < v->n[0]; x++, at++)
                if (lungs->labels[nw_view_index(v, x, y, z)]) c.code[at] = NW_CODE_AIR;
    nw_status status = find_middle(&c, err);
    c.hu = NULL; /* what is dark does not matter: all of the mask is lung */
    if (status == NW_OK) status = nw_chest_lungs(&c, err);
    c.hu = hu;
    for (int64_t z = 0, at = 0; z < v->n[2] && status == NW_OK; z++)
        for (int64_t y = 0; y < v->n[1]; y++)
            for (int64_t x = 0; x < v->n[0]; x++, at++) {
                uint8_t *label = &lungs->labels[nw_view_index(v, x, y, z)];
                if (!*label) continue;
                bool sided = c.code[at] == NW_CODE_RIGHT || c.code[at] == NW_CODE_LEFT;
                *label = sided ? c.code[at] : (double)x > c.middle ? NW_SIDE_RIGHT : NW_SIDE_LEFT;
            }
    lungs->warnings |= c.warnings;
    nw_free(c.code);
    return status;
}

static nw_status apply(nw_lungs *lungs, const nw_labels_map *m, const float *hu, nw_error *err)
{
    size_t count = (size_t)nw_grid_count(&lungs->grid);
    uint8_t side[MOST_LABEL + 1] = {0}, lobe[MOST_LABEL + 1] = {0};
    if (m->kind == NW_LABELS_BINARY) {
        for (size_t i = 0; i < count; i++) lungs->labels[i] = lungs->labels[i] != 0;
        return find_sides(lungs, hu, err);
    }
    if (m->kind == NW_LABELS_LUNGS) side[m->right] = NW_SIDE_RIGHT, side[m->left] = NW_SIDE_LEFT;
    if (m->kind == NW_LABELS_LOBES) {
        lungs->lobes = nw_alloc_aligned(count, 1);
        if (!lungs->lobes) return nw_no_memory(err, count, "lobes");
        for (int i = 1; i <= NW_LOBES; i++) {
            side[m->lobe[i]] = i <= NW_LOBE_RL ? NW_SIDE_RIGHT : NW_SIDE_LEFT;
            lobe[m->lobe[i]] = (uint8_t)i;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (lungs->lobes) lungs->lobes[i] = lobe[lungs->labels[i]];
        lungs->labels[i] = side[lungs->labels[i]];
    }
    return NW_OK;
}

nw_status nw_lungs_from_labels(const nw_grid *grid, const float *hu, const nw_grid *mask_grid,
                               const float *mask, const nw_labels_map *map, nw_lungs **out, nw_error *err)
{
    nw_labels_map m = {0};
    if (map) m = *map;
    if (!mask_grid) mask_grid = grid;
    NW_TRY(nw_grid_check(grid, err));
    NW_TRY(nw_grid_check(mask_grid, err));
    bool seen[MOST_LABEL + 1] = {false}, whole;
    NW_TRY(survey(mask_grid, mask, m.kind, seen, &whole, err));
    NW_TRY(resolve(&m, seen, err));
    float *binary = NULL;
    if (m.kind == NW_LABELS_BINARY && !whole) {
        int64_t count = nw_grid_count(mask_grid);
        binary = nw_alloc_aligned((size_t)count, sizeof *binary);
        if (!binary) return nw_no_memory(err, (size_t)count * sizeof *binary, "a lung mask");
        for (int64_t i = 0; i < count; i++) binary[i] = mask[i] > 0.5f;
    }
    static const char *const methods[] = {"", "mask", "lung labels", "lobe labels"};
    nw_lungs *lungs = NULL;
    nw_status status = nw_lungs_new(grid, methods[m.kind], &lungs, err);
    if (status == NW_OK)
        status = nw_mask_sample(grid, mask_grid, binary ? binary : mask, "lung mask", lungs->labels, err);
    nw_free(binary);
    if (status == NW_OK) status = apply(lungs, &m, hu, err);
    if (status == NW_OK) {
        nw_lungs_measure(lungs, hu);
        if (lungs->volume_ml[0] <= 0)
            status = nw_fail(err, NW_BAD_INPUT, "the lung mask holds no lung within the scan");
    }
    if (status != NW_OK) {
        nw_lungs_free(lungs);
        return status;
    }
    *out = lungs;
    return NW_OK;
}

nw_status nw_lungs_whole(const nw_grid *grid, const float *hu, nw_lungs **out, nw_error *err)
{
    NW_TRY(nw_grid_check(grid, err));
    nw_lungs *lungs = NULL;
    NW_TRY(nw_lungs_new(grid, "whole", &lungs, err));
    nw_view v;
    nw_view_make(grid, &v);
    for (int64_t z = 0; z < v.n[2]; z++)
        for (int64_t y = 0; y < v.n[1]; y++)
            for (int64_t x = 0; x < v.n[0]; x++)
                lungs->labels[nw_view_index(&v, x, y, z)] = 2 * x >= v.n[0] ? NW_SIDE_RIGHT : NW_SIDE_LEFT;
    nw_lungs_measure(lungs, hu);
    /* An image that is cropped to the lungs is cut at its edges by design. */
    lungs->warnings &=
        ~(unsigned)(NW_LUNG_CUT_TOP | NW_LUNG_CUT_BOTTOM | NW_LUNG_CUT_SIDE | NW_LUNG_GAS | NW_LUNG_NOT_HU);
    *out = lungs;
    return NW_OK;
}
