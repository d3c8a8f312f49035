/* Narrows: which parts of an image a classifier's prediction needs, in bits. The one header to include. */
#ifndef NARROWS_NARROWS_H
#define NARROWS_NARROWS_H

#include <narrows/augment.h>
#include <narrows/dataset.h>
#include <narrows/error.h>
#include <narrows/evaluate.h>
#include <narrows/explain.h>
#include <narrows/image.h>
#include <narrows/inspect.h>
#include <narrows/lesion.h>
#include <narrows/metrics.h>
#include <narrows/model.h>
#include <narrows/network.h>
#include <narrows/ops.h>
#include <narrows/phantom.h>
#include <narrows/program.h>
#include <narrows/report.h>
#include <narrows/scan.h>
#include <narrows/stats.h>
#include <narrows/study.h>
#include <narrows/tensor.h>
#include <narrows/train.h>
#include <narrows/version.h>

#endif
