#include "commands.h"
#include "folder.h"
#include "json.h"
#include "profile.h"
#include "quantify.h"

#include <stdlib.h>

extern const cli_command cli_quantify;

static nw_status quantify_scans(quantify *q, cli_list operands, nw_error *err)
{
    nw_status status = quantify_open(q, operands, err);
    if (status != NW_OK) return status;
    int made;
    status = cli_folder_make(q->a->folder, &made, err);
    if (status != NW_OK) return status;
    if (q->a->common.json)
        q->printed = json_array();
    else
        q->table = cli_table_new(
            q->a->truth ? "study|>probability|>lungs mL|>lesions|>involved mL|>share %|>grade|>zones|>bits|"
                          ">true mL|>true %|>Dice"
                        : "study|>probability|>lungs mL|>lesions|>involved mL|>share %|>grade|>zones|>bits");
    status = q->a->merge ? quantify_merge(q, err) : quantify_all(q, err);
    if (q->done == 0 && q->kept == 0) cli_folder_unmake(q->a->folder, made);
    if (q->table && (q->done || q->kept)) {
        cli_table_print(q->table);
        q->table = NULL;
    }
    if (q->printed && (q->done || q->kept)) {
        json_t *printed = q->many ? q->printed : json_incref(json_array_get(q->printed, 0));
        if (!q->many) json_decref(q->printed);
        q->printed = NULL;
        nw_error own;
        nw_status shown = cli_json_print(printed, &own);
        if (status == NW_OK && shown != NW_OK) {
            *err = own;
            status = shown;
        }
    }
    const cli_method *used = &q->method;
    nw_error own;
    nw_status told = q->done ? cli_profile(&q->a->method, &used, 1, &own) : NW_OK;
    if (status == NW_OK && told != NW_OK) {
        *err = own;
        status = told;
    }
    return status;
}

static nw_status run(const void *given, cli_list operands, nw_error *err)
{
    quantify *q = cli_calloc(1, sizeof *q);
    q->a = given;
    nw_status status = quantify_scans(q, operands, err);
    quantify_close(q);
    free(q);
    return status;
}

const cli_command cli_quantify = {
    .name = "quantify",
    .operands = "MODEL SCAN...",
    .summary = "lungs, lesions and severity of chest CT, in bits and millilitres",
    .description =
        "Finds the lungs of a scan (NIfTI, or a folder with a DICOM series), explains the model's prediction "
        "for "
        "every slice that holds lung, and measures what of the lungs the explanation marks: lesions with "
        "their "
        "volumes, the involved share of each lung, severity scores. Writes DIR/map.nii.gz (bits a voxel), "
        "lungs.nii.gz, lesions.nii.gz, lesions.csv, severity.json, report.html and manifest.json, in the "
        "geometry of "
        "the "
        "scan. With --truth MASK the lesions are held against true ones, in severity.json, report.html and "
        "a picture, DIR/truth.png.\n\n"
        "With several scans, a folder of them, or a .csv or .txt list, each study gets a folder in DIR, and "
        "DIR/cohort.csv has one line a study, cohort.html shows them. A bad study is said and passed over. "
        "The same command goes on "
        "after a "
        "run that was stopped: studies that were finished with the same settings are kept. It may run "
        "several "
        "times at once, on one machine or on many that share DIR: no study is done twice.\n\n"
        "Research software, not a medical device.",
    .examples =
        "  narrows quantify model.onnx ct.nii.gz --stats s.stats -o out\n"
        "  narrows quantify model.onnx dicom/ --stats s.stats --lungs lungs.nii.gz --repeats 5 -o out\n"
        "  narrows quantify model.onnx ct.nii.gz --stats s.stats --truth lesions.nii.gz -o out\n"
        "  narrows quantify model.onnx cohort.csv --stats s.stats --shard 1/4 -o results\n"
        "  narrows quantify model.onnx cohort.csv --stats s.stats --merge -o results",
    .options = quantify_options,
    .size = sizeof(quantify_arguments),
    .least = 2,
    .most = SIZE_MAX,
    .run = run,
};
