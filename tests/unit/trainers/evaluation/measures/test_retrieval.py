"""Ranks and precision from similarities."""

import numpy as np

from trainers.evaluation.measures.retrieval import average_precision, ranks, recall

SIMILAR = np.array([[0.9, 0.5, 0.1], [0.4, 0.4, 0.2], [0.1, 0.9, 0.8]], dtype=np.float32)
OWN = np.eye(3, dtype=np.bool_)


def test_the_best_similarity_ranks_first() -> None:
    assert ranks(SIMILAR, OWN).tolist() == [1.0, 1.5, 2.0]


def test_the_best_of_several_right_texts_counts_and_the_others_do_not_stand_above_it() -> None:
    right = np.array([[True, True, False]])
    assert ranks(SIMILAR[:1], right).tolist() == [1.0]


def test_average_precision_of_a_text_whose_pictures_come_first_and_third() -> None:
    similar = np.array([[0.9], [0.5], [0.4]], dtype=np.float32)
    right = np.array([[True], [False], [True]])
    assert average_precision(similar, right).tolist() == [(1 + 2 / 3) / 2]


def test_recall_counts_what_could_be_among_the_first() -> None:
    similar = np.array([[0.9], [0.5], [0.4]], dtype=np.float32)
    right = np.array([[True], [True], [True]])
    assert recall(similar, right, 2).tolist() == [1.0]


def test_texts_find_no_class_by_its_place_where_all_pictures_look_alike() -> None:
    similar = np.full((200, 1), 0.5, dtype=np.float32)
    right = np.arange(200)[:, None] < 20
    assert average_precision(similar, right)[0] < 0.3
    assert recall(similar, right, 10)[0] < 0.5
