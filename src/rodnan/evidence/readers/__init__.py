"""Readers of outside sources: PubMed, bibliographic files, ClinicalTrials.gov. Nothing here changes a record.

Codes of problems and errors:

=========  ===========================================================================================
RDN-S101   the file cannot be opened
RDN-S102   the format is not recognised
RDN-S103   the file held no record that could be read
RDN-S110   XML that is not well-formed; an empty file
RDN-S111   XML that declares entities (refused)
RDN-S112   a record, tag or line beyond the bounds of size or depth
RDN-S113   bytes that are not text in the file's encoding; an unknown encoding
RDN-S114   a file beyond the bound of size
RDN-S115   a truncated file
RDN-S116   a file that cannot be read further
RDN-S117   an entity that the file does not define
RDN-S118   a record that its source has withdrawn
RDN-S119   a record without identifier (and title)
RDN-S120   a record without title
RDN-S121   a line of tagged text that belongs to no field
RDN-S122   a RIS record without end mark
RDN-S123   a BibTeX entry that cannot be taken apart
RDN-S124   a record that stands more than once
RDN-S130   no answer from the network
RDN-S131   an error status
RDN-S132   an answer too large or cut off
RDN-S133   an address that is not https
RDN-S134   a cache that cannot be written
RDN-S135   an answer that cannot be read
RDN-S136   an identifier that the registry does not know
RDN-S137   an output file that cannot be written
RDN-S138   a file not read whole, where that was demanded
RDN-S139   a date that is none
=========  ===========================================================================================
"""

from rodnan.evidence.readers.bibtex import iter_bibtex
from rodnan.evidence.readers.clinicaltrials import ClinicalTrials, study_of_json
from rodnan.evidence.readers.files import Import, convert_publications, iter_publications, read_publications
from rodnan.evidence.readers.pubmed import PubMed
from rodnan.evidence.readers.pubmed_xml import iter_pubmed_xml
from rodnan.evidence.readers.records import (
    Author,
    Link,
    MeshHeading,
    MeshQualifier,
    Publication,
    ReadProblem,
    Substance,
)
from rodnan.evidence.readers.registry_records import RegistryStudy
from rodnan.evidence.readers.safe_bytes import Limits
from rodnan.evidence.readers.tagged import iter_medline, iter_ris
from rodnan.evidence.readers.transport import (
    CachedTransport,
    FakeTransport,
    PoliteTransport,
    Response,
    Transport,
    UrllibTransport,
    default_transport,
    is_offline,
)
from rodnan.evidence.readers.update import (
    KnownStudy,
    Proposal,
    UpdateReport,
    known_of_record,
    propose_updates,
    report_markdown,
    report_yaml,
)

__all__ = [
    "Author",
    "CachedTransport",
    "ClinicalTrials",
    "FakeTransport",
    "Import",
    "KnownStudy",
    "Limits",
    "Link",
    "MeshHeading",
    "MeshQualifier",
    "PoliteTransport",
    "Proposal",
    "PubMed",
    "Publication",
    "ReadProblem",
    "RegistryStudy",
    "Response",
    "Substance",
    "Transport",
    "UpdateReport",
    "UrllibTransport",
    "convert_publications",
    "default_transport",
    "is_offline",
    "iter_bibtex",
    "iter_medline",
    "iter_publications",
    "iter_pubmed_xml",
    "iter_ris",
    "known_of_record",
    "propose_updates",
    "read_publications",
    "report_markdown",
    "report_yaml",
    "study_of_json",
]
