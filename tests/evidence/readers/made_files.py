"""PubMed XML made from the published description of the format, in any number and state of health."""

from __future__ import annotations

HEAD = (
    '<?xml version="1.0" ?>\n'
    '<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2024//EN" '
    '"https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_240101.dtd">\n'
    "<PubmedArticleSet>\n"
)
TAIL = "</PubmedArticleSet>\n"


def article(
    pmid: int | str,
    *,
    title: str = "A made trial of <i>mycophenolate</i> in <b>systemic</b> sclerosis.",
    version: int = 1,
    revised: str = "2018-12-02",
    date: str = "<Year>2017</Year><Month>Jul</Month><Day>4</Day>",
    extra: str = "",
    words: int = 8,
) -> str:
    """One PubmedArticle of about 9 kB, as PubMed's own records are."""
    year, month, day = revised.split("-")
    sentences = "words about forced vital capacity and skin score and more. " * words
    abstract = "".join(
        f'<AbstractText Label="{label}" NlmCategory="{label}">{sentences}</AbstractText>'
        for label in ("OBJECTIVES", "METHODS", "RESULTS", "CONCLUSION")
    )
    authors = "".join(
        f'<Author ValidYN="Y"><LastName>Müller{j}</LastName><ForeName>Anna B</ForeName><Initials>AB</Initials>'
        f'<Identifier Source="ORCID">https://orcid.org/0000-0002-1825-009{j % 10}</Identifier><AffiliationInfo>'
        "<Affiliation>Department of Medicine, University of Somewhere.</Affiliation></AffiliationInfo></Author>"
        for j in range(12)
    )
    mesh = "".join(
        f'<MeshHeading><DescriptorName UI="D{k:06d}" MajorTopicYN="{"Y" if k == 3 else "N"}">Heading {k}'
        f'</DescriptorName><QualifierName UI="Q000188" MajorTopicYN="{"Y" if k == 5 else "N"}">drug therapy'
        "</QualifierName></MeshHeading>"
        for k in range(12)
    )
    return (
        f'<PubmedArticle><MedlineCitation Status="MEDLINE" Owner="NLM"><PMID Version="{version}">{pmid}</PMID>'
        f"<DateRevised><Year>{year}</Year><Month>{month}</Month><Day>{day}</Day></DateRevised>"
        '<Article PubModel="Print"><Journal><ISSN IssnType="Print">0003-4967</ISSN><JournalIssue><Volume>76</Volume>'
        f"<Issue>7</Issue><PubDate>{date}</PubDate></JournalIssue><Title>Annals of made studies</Title>"
        f"<ISOAbbreviation>Ann Made Stud</ISOAbbreviation></Journal><ArticleTitle>{title}</ArticleTitle>"
        "<Pagination><StartPage>1207</StartPage><EndPage>1218</EndPage></Pagination>"
        f'<ELocationID EIdType="doi" ValidYN="Y">10.9999/made.{pmid}</ELocationID><Abstract>{abstract}</Abstract>'
        f'<AuthorList CompleteYN="Y">{authors}<Author><CollectiveName>Made Study Group</CollectiveName></Author>'
        "</AuthorList><Language>eng</Language><DataBankList><DataBank><DataBankName>ClinicalTrials.gov"
        "</DataBankName><AccessionNumberList><AccessionNumber>NCT99990001</AccessionNumber></AccessionNumberList>"
        '</DataBank></DataBankList><PublicationTypeList><PublicationType UI="D016428">Journal Article'
        '</PublicationType><PublicationType UI="D016449">Randomized Controlled Trial</PublicationType>'
        "</PublicationTypeList></Article><MedlineJournalInfo><MedlineTA>Ann Made Stud</MedlineTA></MedlineJournalInfo>"
        "<ChemicalList><Chemical><RegistryNumber>HU9DX48N0T</RegistryNumber><NameOfSubstance "
        'UI="D009173">Mycophenolic Acid</NameOfSubstance></Chemical></ChemicalList>'
        f"{extra}<MeshHeadingList>{mesh}</MeshHeadingList></MedlineCitation><PubmedData><ArticleIdList>"
        f'<ArticleId IdType="pubmed">{pmid}</ArticleId><ArticleId IdType="pmc">PMC{pmid}</ArticleId>'
        "</ArticleIdList></PubmedData></PubmedArticle>\n"
    )


def article_set(*articles: str) -> bytes:
    """A whole file."""
    return (HEAD + "".join(articles) + TAIL).encode()


class Endless:
    """A stream of `count` copies of an article that never exists as a whole; remembers nothing."""

    def __init__(self, count: int, body: str) -> None:
        self.count, self.body = count, body.encode()
        self.sent = -1
        self.held = b""

    def read(self, size: int = -1) -> bytes:
        while len(self.held) < size and self.sent <= self.count:
            if self.sent == -1:
                self.held += HEAD.encode()
            elif self.sent < self.count:
                self.held += self.body.replace(b"PMIDHERE", str(10_000_000 + self.sent).encode())
            else:
                self.held += TAIL.encode()
            self.sent += 1
        out, self.held = self.held[:size], self.held[size:]
        return out
