// What the steps that give tables their meaning share (records.h names them in order).
#pragma once

#include "library/records.h"

namespace freehold::papers {

std::string without_unit(std::string_view header);       // "Downtime [min]" -> "downtime"
bool is_empty(const SourceTable& table, size_t column);  // such a column is of any kind
std::set<std::string> value_keys(const SourceTable& table, size_t column, size_t most);  // different ones, as key_of

std::string stem_of_path(const std::string& path);  // "jobs/Jobs of May 2018.csv" -> "jobs"

// Steps of type_tables, in order (unite_tables.cpp).
void unite_fields(std::vector<SourceTable>& tables, const TypeRule& rule);
void name_types(std::vector<SourceTable>& tables, const Domain& domain);
void unite_extracts(std::vector<SourceTable>& tables, const Domain& domain);
void settle_empty_columns(std::vector<SourceTable>& tables);
void unite_headers(std::vector<SourceTable>& tables, const std::string& type, const Domain& domain);

void unite_dates(std::vector<SourceTable>& tables, const std::string& type);

}  // namespace freehold::papers
